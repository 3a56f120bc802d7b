-- Arguments: hash. Returns the definition.
SELECT hash, saga, body, directory FROM saga_def WHERE hash = :hash
