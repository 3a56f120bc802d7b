-- After a reboot: ends every lease that a process kept, and detached ones whose wall clock time is over.
-- Arguments: now (monotonic ms), now (epoch ms). Ended leases get a deadline in the past; the rest is counted anew.
UPDATE lease SET deadline_ms = CASE
  WHEN wall_deadline_ms IS NULL OR wall_deadline_ms <= ?2 THEN ?1 - 1
  ELSE ?1 + min(ttl_ms, wall_deadline_ms - ?2) END
