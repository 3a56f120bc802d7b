-- Arguments: boot id.
UPDATE meta SET boot = ?1 WHERE id = 1
