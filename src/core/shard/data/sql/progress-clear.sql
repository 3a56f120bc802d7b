-- :bucket.
DELETE FROM dcs_progress WHERE bucket = :bucket
