-- Arguments: now (monotonic ms). Returns the ids whose time is over.
SELECT id FROM lease WHERE deadline_ms <= ?1 ORDER BY deadline_ms LIMIT 1000
