-- Returns each distinct holder of a lease that a process keeps, with its lease ids as a JSON array.
SELECT holder, json_group_array(id) AS ids FROM lease WHERE wall_deadline_ms IS NULL GROUP BY holder
