-- The index of the bucket column of tables. :names the tables, :column its name. Returns tbl, col, in the order of the index.
SELECT table_name AS tbl, column_name AS col FROM information_schema.statistics
 WHERE table_schema = DATABASE() AND table_name IN (:names) AND index_name = :column
 ORDER BY table_name, seq_in_index
