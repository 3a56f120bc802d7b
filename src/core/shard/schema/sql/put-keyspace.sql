-- Notes what the triggers of this database are made for. :version :name :shard :buckets :hash :tables.
INSERT INTO dcs_keyspace (id, version, name, shard, buckets, hash, tables)
VALUES (1, :version, :name, :shard, :buckets, :hash, :tables)
ON DUPLICATE KEY UPDATE id = id
