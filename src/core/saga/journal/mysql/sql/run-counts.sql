-- Returns how many runs are in each status.
SELECT status, COUNT(*) AS runs FROM saga_run GROUP BY status
