-- Arguments: run id, seq, epoch, txid, now, body.
INSERT INTO saga_event (run_id, seq, epoch, txid, at, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
