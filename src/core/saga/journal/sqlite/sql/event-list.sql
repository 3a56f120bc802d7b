-- Arguments: run id. Returns its events in order.
SELECT seq, epoch, txid, at, body FROM saga_event WHERE run_id = ?1 ORDER BY seq
