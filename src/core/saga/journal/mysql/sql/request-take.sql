-- Arguments: taken (run_id, taken_up), pass. Removes what the runs that moved took up.
DELETE q FROM (:taken) b STRAIGHT_JOIN saga_run r ON r.run_id = b.run_id AND r.pass = :pass
  STRAIGHT_JOIN saga_request q ON q.run_id = b.run_id AND q.id <= b.taken_up
