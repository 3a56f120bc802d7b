-- Rows in the log of a bucket. :bucket.
SELECT COUNT(*) AS rows_left FROM dcs_log WHERE bucket = :bucket
