-- Arguments: revision of the deletion, key. A key put and deleted twice in one revision is remembered once.
INSERT OR IGNORE INTO tombstone (revision, key) VALUES (?1, ?2)
