-- Foreign keys of and to tables. :names the tables. Returns name, tbl, col, parent, parent_col, on_update, on_delete; a row for
-- each column.
SELECT k.constraint_name AS name, k.table_name AS tbl, k.column_name AS col, k.referenced_table_name AS parent,
       k.referenced_column_name AS parent_col, r.update_rule AS on_update, r.delete_rule AS on_delete
  FROM information_schema.key_column_usage AS k
  JOIN information_schema.referential_constraints AS r
    ON r.constraint_schema = k.constraint_schema AND r.constraint_name = k.constraint_name AND r.table_name = k.table_name
 WHERE k.constraint_schema = DATABASE() AND k.referenced_table_name IS NOT NULL
   AND (k.table_name IN (:names) OR k.referenced_table_name IN (:names))
 ORDER BY k.table_name, k.constraint_name, k.ordinal_position
