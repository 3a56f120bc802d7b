-- Rows of the log that were applied. :ids, a query of each one as `id`: never all up to the last. Joined, so that each is found by
-- its key: for a list the server may read a small log from end to end, and wait there for rows that others have not committed.
DELETE dcs_log FROM (:ids) AS struck STRAIGHT_JOIN dcs_log ON dcs_log.id = struck.id
