-- Arguments: revision, boot id.
INSERT INTO meta (id, revision, compacted, boot) VALUES (1, ?1, ?1, ?2)
