-- Arguments: events (run_id, txid, body), pass. Writes the events of the runs that moved.
INSERT INTO saga_event (run_id, seq, epoch, txid, at, body)
SELECT b.run_id, r.seq, r.epoch, b.txid, @now, b.body
FROM (:events) b STRAIGHT_JOIN saga_run r ON r.run_id = b.run_id AND r.pass = :pass
