-- Transactions of other sessions that have been open for long. :seconds at least. Returns id, seconds, the oldest first.
SELECT trx_mysql_thread_id AS id, TIMESTAMPDIFF(SECOND, trx_started, NOW()) AS seconds
  FROM information_schema.innodb_trx
 WHERE trx_mysql_thread_id <> CONNECTION_ID() AND TIMESTAMPDIFF(SECOND, trx_started, NOW()) >= :seconds
 ORDER BY trx_started LIMIT 3
