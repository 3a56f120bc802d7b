-- Arguments: calls. A fence: nobody else owns a generation that the run wants to own.
NOT EXISTS (SELECT 1 FROM (:calls) c STRAIGHT_JOIN saga_step s
  ON s.key_root = c.key_root AND s.step = c.step AND s.dir = c.dir AND s.gen = c.gen
  WHERE c.run_id = b.run_id AND s.run_id <> c.run_id)
