-- All rows of buckets, as they are committed. Returns bucket, state, epoch, token, owner.
SELECT bucket, state, epoch, token, owner FROM dcs_bucket
