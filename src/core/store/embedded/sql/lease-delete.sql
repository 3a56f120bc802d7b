-- Arguments: id. Changes 0 or 1 row.
DELETE FROM lease WHERE id = ?1
