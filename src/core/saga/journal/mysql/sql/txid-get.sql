-- Arguments: runId, txid. Returns the seq of the event that this transaction wrote, if it did.
SELECT seq FROM saga_event WHERE run_id = :runId AND txid = :txid
