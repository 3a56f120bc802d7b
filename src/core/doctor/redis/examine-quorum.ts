import { toDcsError } from "../../errors.ts";
import type { QuorumTarget, RedisAddress } from "../../redis/redis-url.ts";
import { redact } from "../../util/redact.ts";
import { type Examination, type Finding, fail } from "../check.ts";
import { examineServer } from "./examine-server.ts";
import { type QuorumServer, weighQuorum } from "./weigh-quorum.ts";

/** Looks at every server of a quorum, and at what they are together. */
export async function examineQuorum(
  target: QuorumTarget,
  examination: Examination,
): Promise<readonly Finding[]> {
  const nodes = await Promise.all(target.servers.map((address) => examineNode(address, examination)));
  return weighQuorum(target, nodes);
}

async function examineNode(address: RedisAddress, examination: Examination): Promise<QuorumServer> {
  const node = `${address.host}:${address.port}`;
  try {
    return { node, address, ...(await examineServer(address, examination)) };
  } catch (thrown) {
    const error = toDcsError(thrown);
    const found = fail("reachable", redact(error.message), redact(error.hint), {
      data: { error: error.code },
    });
    return { node, address, facts: null, findings: [found] };
  }
}
