-- The copy's row. :bucket, :epoch, :source, :target (identities of the servers), :isComplete.
INSERT INTO dcs_progress (bucket, tbl, epoch, source, target, reached, is_complete, copied)
VALUES (:bucket, '', :epoch, :source, :target, NULL, :isComplete, 0)
