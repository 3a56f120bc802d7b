-- Returns the time that was set.
SELECT @now AS now
