-- Arguments: states. A filter: a call stands in one of them with its highest generation.
EXISTS (SELECT 1 FROM saga_step s WHERE s.run_id = r.run_id AND s.state IN (:states)
  AND NOT EXISTS (SELECT 1 FROM saga_step later
    WHERE later.run_id = s.run_id AND later.step = s.step AND later.dir = s.dir AND later.gen > s.gen))
