-- Settings of the server that decide whether buckets can be moved to and from it; those it does not know are left out.
-- Returns Variable_name, Value.
SHOW GLOBAL VARIABLES WHERE Variable_name IN (
  'server_id', 'server_uuid', 'hostname', 'datadir', 'read_only', 'super_read_only', 'innodb_read_only', 'log_bin',
  'binlog_format', 'log_bin_trust_function_creators', 'wsrep_on', 'innodb_deadlock_detect', 'auto_increment_increment',
  'auto_increment_offset'
)
