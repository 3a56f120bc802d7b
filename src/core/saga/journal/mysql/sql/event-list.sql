-- Arguments: runId. Returns its events in order.
SELECT seq, epoch, txid, at, body FROM saga_event WHERE run_id = :runId ORDER BY seq
