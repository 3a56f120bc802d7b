-- Returns one row: revision, compacted, boot.
SELECT revision, compacted, boot FROM meta WHERE id = 1
