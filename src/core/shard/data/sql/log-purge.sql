-- What is left of a bucket's log. :bucket, :limit.
DELETE FROM dcs_log WHERE bucket = :bucket ORDER BY id LIMIT :limit
