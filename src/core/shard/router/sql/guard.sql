-- Whether buckets may be used here, with a lock that lasts to the end of the transaction: no cut gets past it.
-- :buckets  a list of numbers
SELECT bucket, state, epoch, owner FROM dcs_bucket WHERE bucket IN (:buckets) LOCK IN SHARE MODE
