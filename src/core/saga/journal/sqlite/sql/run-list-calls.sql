-- Arguments: as run-list, a JSON list of statuses or NULL, a JSON list of the states of calls (intent, unknown, parked).
-- A call counts with its highest generation. Returns ids, newest first.
SELECT run_id FROM saga_run WHERE run_id IN (
    SELECT s.run_id FROM saga_step s WHERE s.state IN ('unknown', 'parked', 'intent')
      AND s.state IN (SELECT value FROM json_each(?6))
      AND NOT EXISTS (SELECT 1 FROM saga_step later
        WHERE later.run_id = s.run_id AND later.step = s.step AND later.dir = s.dir AND later.gen > s.gen))
  AND (?5 IS NULL OR status IN (SELECT value FROM json_each(?5)))
  AND (?2 IS NULL OR saga = ?2) AND (?3 IS NULL OR (created_at, run_id) < (?3, ?4))
ORDER BY created_at DESC, run_id DESC LIMIT ?1
