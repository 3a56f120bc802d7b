// Generated from src/core/shard/router/sql/*.sql by scripts/generate-statements.ts; edit those.
export const SQL = {
  "guard": "SELECT bucket, state, epoch, owner FROM dcs_bucket WHERE bucket IN (:buckets) LOCK IN SHARE MODE",
  "look": "SELECT bucket, state, epoch, token, owner FROM dcs_bucket WHERE bucket = :bucket",
} as const;
