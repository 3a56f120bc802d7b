-- Returns the layout of the tables.
SELECT version FROM saga_meta
