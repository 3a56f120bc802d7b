-- Of a new generation: where the step stands.
COALESCE((SELECT MIN(o.ordinal) FROM saga_step o WHERE o.run_id = c.run_id AND o.step = c.step), c.ordinal)
