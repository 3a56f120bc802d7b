-- Arguments: calls. Returns runs that own a generation which one of the calls wants to own.
SELECT s.run_id FROM (:calls) c STRAIGHT_JOIN saga_step s
  ON s.key_root = c.key_root AND s.step = c.step AND s.dir = c.dir AND s.gen = c.gen
WHERE s.run_id <> c.run_id LIMIT 1
