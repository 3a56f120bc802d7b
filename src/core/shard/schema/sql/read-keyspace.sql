-- What the triggers of this database were made for. Returns no row or one.
SELECT version, name, shard, buckets, hash, tables FROM dcs_keyspace WHERE id = 1
