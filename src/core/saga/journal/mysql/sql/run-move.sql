-- Arguments: ids, marks ((run_id, epoch, seq), …), what each run becomes (status, direction, cause, live, due_at, next_owner: SQL of
-- a row of saga_run), owner, pass. As `run-advance`, without a temporary table: MariaDB makes one on disk for every UPDATE of a join
-- that sets a TEXT, and that takes longer than the commit. One range of the primary key locks runs in one order.
UPDATE saga_run FORCE INDEX (PRIMARY)
SET seq = seq + 1, claims = 0, status = :status, direction = :direction, cause = :cause, live = :live, due_at = :dueAt,
  owner = :nextOwner, updated_at = @now, pass = :pass
WHERE run_id IN (:ids) AND (run_id, epoch, seq) IN (:marks) AND owner = :owner AND live = 1
