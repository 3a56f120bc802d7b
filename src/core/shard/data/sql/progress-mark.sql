-- How far a table is, with the chunk it speaks of. :bucket, :tbl, :reached (a primary key as SQL writes it), :isComplete, :rows of
-- the chunk. Epoch and servers are those of the copy.
INSERT INTO dcs_progress (bucket, tbl, epoch, source, target, reached, is_complete, copied)
VALUES (:bucket, :tbl, 0, '', '', :reached, :isComplete, :rows)
ON DUPLICATE KEY UPDATE reached = COALESCE(:reached, reached), is_complete = :isComplete, copied = copied + :rows
