-- The bucket column of tables. :names the tables, :column its name. Returns tbl, expression.
SELECT table_name AS tbl, generation_expression AS expression FROM information_schema.columns
 WHERE table_schema = DATABASE() AND table_name IN (:names) AND column_name = :column
