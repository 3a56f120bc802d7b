import { DcsError } from "../../errors.ts";
import { MysqlConnection } from "../../mysql/mysql-connection.ts";
import type { KeyspaceState } from "../map/shard-state.ts";
import { comparePair, lookAtServer, type ServerLook } from "../schema/check-server.ts";
import { type Finding, sayFinding } from "../schema/finding.ts";
import { toShardError } from "../shard-error.ts";
import type { MoveDeps } from "./move-deps.ts";

/** How triggers look to a user who may not change them: MariaDB shows them without their bodies, MySQL not at all. */
const UNSEEN = ["trigger-missing", "trigger-changed"];

type Deps = Pick<MoveDeps, "clock" | "target" | "options">;

/**
 * Looks at the servers that buckets are to go between, before anything is claimed; changes nothing. SHARD_SCHEMA_UNSUITABLE and its
 * kin; SHARD_UNREACHABLE; SHARD_CHANGED for a shard that there is not.
 */
export async function preflightMoves(
  moves: readonly { readonly src: string; readonly dst: string }[],
  state: KeyspaceState,
  deps: Deps,
): Promise<void> {
  const names = [...new Set(moves.flatMap(({ src, dst }) => [src, dst]))];
  const looks = new Map(
    await Promise.all(names.map(async (name) => [name, await look(name, state, deps)] as const)),
  );
  const pairs = new Map(
    moves.map(({ src, dst }) => [`${src} ${dst}`, [looks.get(src), looks.get(dst)] as const]),
  );
  for (const [src, dst] of pairs.values()) {
    if (src === undefined || dst === undefined) continue;
    const found = comparePair(state.keyspace, src, dst).filter(({ severity }) => severity === "refused");
    if (found.length === 0) continue;
    throw unseen(src) ?? unseen(dst) ?? unsuitable(src, dst, found);
  }
}

async function look(name: string, { keyspace, shards }: KeyspaceState, deps: Deps): Promise<ServerLook> {
  const shard = shards.find((each) => each.name === name);
  if (shard === undefined) {
    const known = shards.map((each) => each.name);
    throw new DcsError("SHARD_CHANGED", `keyspace ${keyspace.name} has no shard ${name}`, {
      details: { shard: name, known },
    });
  }
  const target = deps.target(shard);
  const { timeoutMs } = deps.options;
  try {
    const connection = await MysqlConnection.open(target, deps.clock, timeoutMs);
    try {
      return await lookAtServer({ send: (all) => connection.send(all, timeoutMs) }, keyspace, name);
    } finally {
      connection.end();
    }
  } catch (error) {
    throw toShardError(error, { shard: name, shown: target.shown });
  }
}

/** Of triggers that are not shown to a user who may not change them nothing is known. */
function unseen({ shard, server, findings }: ServerLook): DcsError | null {
  const lacks = findings.find(
    ({ kind, severity, hint }) => kind === "privileges" && severity === "refused" && /\bTRIGGER\b/.test(hint),
  );
  if (lacks === undefined || !findings.some(({ kind }) => UNSEEN.includes(kind))) return null;
  return new DcsError("SHARD_AUTH", `shard ${shard} does not show its triggers: ${lacks.problem}`, {
    details: { shard, database: server.database, right: "TRIGGER", findings },
    hint: lacks.hint,
  });
}

function unsuitable(src: ServerLook, dst: ServerLook, findings: readonly Finding[]): DcsError {
  const of = (shard: string, own: readonly Finding[]) =>
    findings.filter((each) => own.includes(each)).map((each) => `${shard}: ${sayFinding(each)}`);
  const both = findings.filter((each) => !src.findings.includes(each) && !dst.findings.includes(each));
  const lines = [
    ...of(src.shard, src.findings),
    ...of(dst.shard, dst.findings),
    ...both.map((each) => `${src.shard} and ${dst.shard}: ${sayFinding(each)}`),
  ];
  return new DcsError(
    "SHARD_SCHEMA_UNSUITABLE",
    `buckets cannot go from ${src.shard} to ${dst.shard}: ${lines.join("; ")}`,
    {
      details: { src: src.shard, dst: dst.shard, findings },
    },
  );
}
