-- Arguments: runs (i, run_id, epoch, seq, txid), owner. Returns of each how it stands, and whether its transaction is there.
SELECT b.i, r.run_id IS NOT NULL AND r.epoch = b.epoch AND r.owner = :owner AND r.live = 1 AS held, r.seq = b.seq AS same,
  e.txid = b.txid AS written, @now AS now
FROM (:runs) b LEFT JOIN saga_run r ON r.run_id = b.run_id LEFT JOIN saga_event e ON e.run_id = b.run_id AND e.seq = b.seq + 1
