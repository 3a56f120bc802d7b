-- Sets the time of what follows: epoch ms of the database, in a session in UTC.
SET @now = CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)
