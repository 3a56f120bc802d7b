import { DcsError } from "../../errors.ts";
import { MysqlConnection, type MysqlResult } from "../../mysql/mysql-connection.ts";
import type { MysqlTarget } from "../../mysql/mysql-url.ts";
import { MoverSession } from "../data/mover-session.ts";
import type { Shard } from "../keyspace.ts";
import { readServer, type ServerInfo } from "../schema/server-info.ts";
import { type BucketRow, BucketRows } from "./bucket-row.ts";
import type { MoveDeps } from "./move-deps.ts";
import { ServerChanged } from "./move-errors.ts";

/** One of the two servers of a move, and what a runner has open to it. */
export interface Side {
  readonly shard: Shard;
  readonly target: MysqlTarget;
  readonly server: ServerInfo;
  readonly rows: BucketRows;
  readonly session: MoverSession;
  /** The bucket's row as this runner last read or wrote it. */
  seen: BucketRow;
}

/** Connects to a shard. Rejects with a MysqlError, or a DcsError where the shard is not known. */
export async function openSide(name: string, deps: MoveDeps): Promise<Side> {
  const { state, clock, options } = deps;
  const shard = state.shards.find((each) => each.name === name);
  if (shard === undefined) {
    const known = state.shards.map((each) => each.name);
    throw new DcsError("SHARD_UNKNOWN", `keyspace ${state.keyspace.name} has no shard "${name}"`, {
      details: { shard: name, allowed: known },
    });
  }
  const target = deps.target(shard);
  const session = await MoverSession.open(target, clock, options.timeoutMs);
  try {
    const server = await readServer(session);
    const open = async () => {
      const connection = await MysqlConnection.open(target, clock, options.timeoutMs);
      const send = (statements: readonly string[]) => connection.send(statements, options.timeoutMs);
      return sameServer(name, server.identity, connection, send);
    };
    const rows = await BucketRows.open(open, server.dialect, clock, options.timeoutMs);
    return { shard, target, server, rows, session, seen: { state: "gone", epoch: 0, token: 0 } };
  } catch (error) {
    session.destroy();
    throw error;
  }
}

/** One more session to the same server; after a failover it would be another one, and this attempt is at its end. */
export async function openSession(side: Side, deps: MoveDeps, waitTimeoutS?: number): Promise<MoverSession> {
  const wait = waitTimeoutS === undefined ? {} : { waitTimeoutS };
  const session = await MoverSession.open(side.target, deps.clock, deps.options.timeoutMs, wait);
  return sameServer(side.shard.name, side.server.identity, session, (all) => session.send(all));
}

async function sameServer<T extends { destroy(): void }>(
  shard: string,
  identity: string,
  session: T,
  send: (statements: readonly string[]) => Promise<readonly MysqlResult[]>,
): Promise<T> {
  try {
    const now = await readServer({ send });
    if (now.identity === identity) return session;
    throw new ServerChanged(`shard ${shard} is another server than before`);
  } catch (error) {
    session.destroy();
    throw error;
  }
}

export function destroySide(side: Side): void {
  side.rows[Symbol.dispose]();
  side.session.destroy();
}
