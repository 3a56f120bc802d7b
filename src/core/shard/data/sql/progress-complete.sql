-- Every table is copied. :bucket.
UPDATE dcs_progress SET is_complete = 1 WHERE bucket = :bucket AND tbl = ''
