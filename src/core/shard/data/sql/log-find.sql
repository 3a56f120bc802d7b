-- Which of these rows the log has. :bucket, :pks (of several tables).
SELECT tbl, pk FROM dcs_log WHERE bucket = :bucket AND pk IN (:pks)
