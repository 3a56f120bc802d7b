-- Changed rows of a bucket that were not applied yet. :bucket, :limit. Without a lower bound: a lower id may commit later.
SELECT id, tbl, pk FROM dcs_log WHERE bucket = :bucket ORDER BY id LIMIT :limit
