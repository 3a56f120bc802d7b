-- Arguments: as step-put. Moves on a call that is there and whose owner stays, without touching the index of owners; changes no
-- row where it is not there like this.
UPDATE saga_step SET state = ?7, asks = ?8, attempts = ?9, forgiven = ?10, probes = ?11, not_before = ?12, first_sent_at = ?13,
  deadline_at = ?14, ever_unknown = ?15, key = ?16, input_hash = coalesce(?17, input_hash), output = ?18, error = ?19
WHERE run_id = ?1 AND step = ?2 AND dir = ?3 AND gen = ?4 AND key_root IS ?6
