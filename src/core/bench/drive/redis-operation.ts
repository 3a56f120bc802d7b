import { operationError } from "./operation-error.ts";
import { type RequestNumbers, template } from "./request-numbers.ts";
import { splitWords } from "./split-words.ts";

const DEFAULT = "PING";

/** What must not be done by accident, and thousands of times at that, and why. */
const REFUSED: readonly (readonly [why: string, commands: string])[] = [
  ["it deletes everything", "FLUSHALL FLUSHDB"],
  ["it deletes what others loaded", "SCRIPT|FLUSH FUNCTION|FLUSH FUNCTION|DELETE FUNCTION|RESTORE"],
  [
    "it stops or stalls the server",
    "SHUTDOWN DEBUG SAVE BGSAVE BGREWRITEAOF MODULE SCRIPT|KILL FUNCTION|KILL",
  ],
  [
    "it changes the server, not the data",
    "REPLICAOF SLAVEOF FAILOVER SWAPDB MIGRATE ACL CONFIG|SET CONFIG|REWRITE CONFIG|RESETSTAT " +
      "CLUSTER|ADDSLOTS CLUSTER|ADDSLOTSRANGE CLUSTER|BUMPEPOCH CLUSTER|DELSLOTS CLUSTER|DELSLOTSRANGE CLUSTER|FAILOVER " +
      "CLUSTER|FLUSHSLOTS CLUSTER|FORGET CLUSTER|MEET CLUSTER|REPLICATE CLUSTER|RESET CLUSTER|SAVECONFIG " +
      "CLUSTER|SET-CONFIG-EPOCH CLUSTER|SETSLOT",
  ],
  ["it stops other clients", "CLIENT|KILL CLIENT|PAUSE CLIENT|UNPAUSE"],
  [
    "it waits, so its time says nothing of the server",
    "BLPOP BRPOP BLMOVE BRPOPLPUSH BLMPOP BZPOPMIN BZPOPMAX BZMPOP WAIT WAITAOF",
  ],
  [
    "it makes of the connection one that answers otherwise",
    "SUBSCRIBE PSUBSCRIBE SSUBSCRIBE UNSUBSCRIBE PUNSUBSCRIBE SUNSUBSCRIBE MONITOR SYNC PSYNC REPLCONF MULTI EXEC DISCARD " +
      "WATCH UNWATCH SELECT AUTH HELLO RESET QUIT READONLY READWRITE ASKING CLIENT|REPLY CLIENT|TRACKING CLIENT|CACHING",
  ],
];

const REASONS: ReadonlyMap<string, string> = new Map(
  REFUSED.flatMap(([why, commands]) => commands.split(" ").map((name): [string, string] => [name, why])),
);

/**
 * Reads the command that is sent to Redis each time: words as in a shell, with `{n}` and `{r}` (see RequestNumbers); PING
 * unless given. What it returns makes the words of one request. USAGE for what destroys, blocks, or changes the connection.
 */
export function parseRedisOperation(text: string | null): (numbers: RequestNumbers) => readonly string[] {
  const words = splitWords(text ?? DEFAULT);
  const [name = "", second = ""] = words.map((word) => word.toUpperCase());
  if (name === "") throw refuse(text, "names no command");
  const why = REASONS.get(name) ?? REASONS.get(`${name}|${second}`) ?? waits(name, words);
  if (why !== undefined) throw refuse(text, `${name} is not sent by a benchmark: ${why}`);
  if (/[{}]/.test(words[0] ?? "")) throw refuse(text, "the name of the command must be the same each time");
  const templates = words.map(template);
  return (numbers) => templates.map((each) => each(numbers));
}

function waits(name: string, words: readonly string[]): string | undefined {
  const isStream = name === "XREAD" || name === "XREADGROUP";
  return isStream && words.some((word) => word.toUpperCase() === "BLOCK") ? REASONS.get("BLPOP") : undefined;
}

function refuse(text: string | null, why: string): Error {
  return operationError(text ?? DEFAULT, why, "give one command, such as --op 'GET key:{n}'");
}
