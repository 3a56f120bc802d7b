-- What is left of a bucket's log. :bucket, :limit. Found in the bucket's index first: a small log would be read from end to end, and
-- log rows waited for that other buckets' transactions have not committed.
DELETE dcs_log FROM (SELECT DISTINCT id FROM dcs_log FORCE INDEX (bucket) WHERE bucket = :bucket ORDER BY id LIMIT :limit) AS found
  STRAIGHT_JOIN dcs_log ON dcs_log.id = found.id
