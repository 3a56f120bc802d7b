-- Returns how many runs are in each status.
SELECT status, count(*) AS runs FROM saga_run GROUP BY status
