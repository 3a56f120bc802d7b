-- Arguments: run id, the last id that is taken up.
DELETE FROM saga_request WHERE run_id = ?1 AND id <= ?2
