-- Arguments: id, holder JSON. Changes 1 row, or 0 when the lease is gone.
UPDATE lease SET holder = ?2 WHERE id = ?1
