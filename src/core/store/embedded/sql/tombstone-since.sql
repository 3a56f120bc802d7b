-- Arguments: revision, first key, first key after the range. Returns deletions after the revision, oldest first.
SELECT key, revision FROM tombstone WHERE revision > ?1 AND key >= ?2 AND key < ?3 ORDER BY revision, key
