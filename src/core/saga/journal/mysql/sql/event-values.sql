-- Arguments: rows.
INSERT INTO saga_event (run_id, seq, epoch, txid, at, body) VALUES :rows
