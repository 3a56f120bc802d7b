-- Rows of the log that were applied. :ids, each one: never all up to the last.
DELETE FROM dcs_log WHERE id IN (:ids)
