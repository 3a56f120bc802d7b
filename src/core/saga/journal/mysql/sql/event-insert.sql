-- Arguments: runId, seq, epoch, txid, body.
INSERT INTO saga_event (run_id, seq, epoch, txid, at, body) VALUES (:runId, :seq, :epoch, :txid, @now, :body)
