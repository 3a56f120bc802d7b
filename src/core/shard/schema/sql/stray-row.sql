-- A row of a bucket that is not here. :tbl the table, :key its shard key's column, both quoted. Returns shard_key, bucket.
SELECT CAST(t.:key AS CHAR) AS shard_key, t.dcs_bucket AS bucket FROM :tbl AS t
  JOIN dcs_bucket AS b ON b.bucket = t.dcs_bucket
 WHERE b.state NOT IN ('owned', 'moving')
 LIMIT 1
