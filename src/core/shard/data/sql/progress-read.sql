-- How far the copy of a bucket is, for each table; the row whose table is '' is the copy's. :bucket.
SELECT tbl, epoch, source, target, reached, is_complete, copied FROM dcs_progress WHERE bucket = :bucket
