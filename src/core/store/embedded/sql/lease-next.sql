-- Returns one row: when the next lease ends (monotonic ms), or NULL.
SELECT min(deadline_ms) AS deadline_ms FROM lease
