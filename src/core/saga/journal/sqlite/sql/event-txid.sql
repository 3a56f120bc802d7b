-- Arguments: run id, seq. Returns the transaction that wrote it.
SELECT txid FROM saga_event WHERE run_id = ?1 AND seq = ?2
