-- Arguments: calls, rootId. Returns runs of the root that began one of the compensations, in the generation given.
SELECT s.run_id FROM (:calls) c STRAIGHT_JOIN saga_step s
  ON s.key_root = :rootId AND s.step = c.step AND s.dir = c.dir AND s.gen = c.gen
WHERE s.run_id <> c.run_id AND s.attempts > 0 LIMIT 1 LOCK IN SHARE MODE
