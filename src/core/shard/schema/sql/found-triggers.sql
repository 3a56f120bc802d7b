-- All triggers of tables. :names the tables. Returns name, tbl, timing, event, body, modes, place.
SELECT trigger_name AS name, event_object_table AS tbl, action_timing AS timing, event_manipulation AS event,
       action_statement AS body, sql_mode AS modes, action_order AS place
  FROM information_schema.triggers
 WHERE trigger_schema = DATABASE() AND event_object_table IN (:names)
 ORDER BY event_object_table, action_timing, event_manipulation, action_order
