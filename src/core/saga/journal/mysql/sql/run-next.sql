-- Arguments: parked: the time that stands for it. Returns when the next run is due that is not yet.
SELECT due_at AS at FROM saga_run WHERE live = 1 AND due_at > @now AND due_at < :parked ORDER BY due_at LIMIT 1
