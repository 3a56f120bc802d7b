-- A bucket's row, for people, without a lock.
-- :bucket  its number
SELECT bucket, state, epoch, token, owner FROM dcs_bucket WHERE bucket = :bucket
