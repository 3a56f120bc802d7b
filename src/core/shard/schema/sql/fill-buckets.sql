-- A row for each bucket that has none, as one that was never here. :buckets is at most 65536.
INSERT INTO dcs_bucket (bucket, state, epoch, token, owner)
WITH digit AS (SELECT 0 AS n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5
  UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9 UNION ALL SELECT 10 UNION ALL SELECT 11
  UNION ALL SELECT 12 UNION ALL SELECT 13 UNION ALL SELECT 14 UNION ALL SELECT 15)
SELECT a.n * 4096 + b.n * 256 + c.n * 16 + d.n, 'gone', 0, 0, ''
  FROM digit AS a, digit AS b, digit AS c, digit AS d
 WHERE a.n * 4096 + b.n * 256 + c.n * 16 + d.n < :buckets
ON DUPLICATE KEY UPDATE bucket = bucket
