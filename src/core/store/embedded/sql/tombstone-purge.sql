-- Arguments: revision, most rows. Forgets the oldest deletions before the revision.
DELETE FROM tombstone WHERE (revision, key) IN
  (SELECT revision, key FROM tombstone WHERE revision < ?1 ORDER BY revision, key LIMIT ?2)
