-- What this database says that it is, and what its triggers count by: one row, or none where the schema was not installed.
SELECT name, shard, buckets, hash FROM dcs_keyspace
