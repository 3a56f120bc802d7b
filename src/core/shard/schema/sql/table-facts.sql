-- Of tables, what speaks against sharding them and is not in TableInfo. :names the tables. Returns name, kind, prefixes (columns
-- of the primary key of which it has only the beginning).
SELECT t.table_name AS name, t.table_type AS kind,
       (SELECT GROUP_CONCAT(s.column_name) FROM information_schema.statistics AS s
         WHERE s.table_schema = t.table_schema AND s.table_name = t.table_name AND s.index_name = 'PRIMARY'
           AND s.sub_part IS NOT NULL) AS prefixes
  FROM information_schema.tables AS t
 WHERE t.table_schema = DATABASE() AND t.table_name IN (:names)
