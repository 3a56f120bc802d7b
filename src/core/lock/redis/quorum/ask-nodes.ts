import type { Clock } from "../../../util/clock.ts";
import type { QuorumNode } from "./quorum-node.ts";
import { majorityOf } from "./quorum-rule.ts";
import type { QuorumScript } from "./scripts.ts";

/** Once a majority has answered, nobody waits longer than this for the rest, ms. */
const PATIENCE_MS = 500;

/** What one node said; `pending` while it has said nothing. */
export type Reply =
  | { readonly state: "pending" }
  | { readonly state: "answer"; readonly value: unknown }
  | { readonly state: "failed"; readonly error: unknown };

const PENDING: Reply = { state: "pending" };

export interface Question {
  readonly script: QuorumScript;
  readonly keys: readonly string[];
  readonly args: readonly (string | number)[];
  readonly timeoutMs: number;
  /** Sends the script's text: where answers are lost, one that says that the script is not known would be lost too. */
  readonly whole?: boolean;
  /** Nodes that are not asked. */
  readonly except?: (index: number) => boolean;
  /** True when further replies can change nothing. */
  readonly decided?: (replies: readonly Reply[]) => boolean;
  /**
   * Where a node does not know the script, it is told its text only while this holds. Always by default: most scripts change
   * nothing but what is the token's already.
   */
  readonly isWanted?: () => boolean;
  /** Called when every node has answered, or cannot any more; long after the end where one is silent. */
  readonly onSettled?: () => void;
  /** Called for each node that could not be asked or whose answer is lost, also after the end. */
  readonly onFailed?: (index: number) => void;
}

/**
 * Runs a script on all nodes at once. Resolves with what each said as soon as that is decided, every node has replied, a
 * majority has and the others are known to be slow, or the time is over; never rejects. A node that is being connected to
 * is asked when that succeeds in time, and never after the end: nothing is run later for a caller that has gone on.
 */
export function askNodes(
  nodes: readonly QuorumNode[],
  question: Question,
  clock: Clock,
): Promise<readonly Reply[]> {
  const { script, keys, args, timeoutMs, decided, except, onFailed, whole = false } = question;
  const { isWanted = () => true, onSettled } = question;
  const majority = majorityOf(nodes.length);
  const replies: Reply[] = nodes.map(() => PENDING);
  const begin = clock.monotonic();
  return new Promise((resolve) => {
    let over = false;
    let answered = 0;
    let left = nodes.length;
    let cancel = () => {};
    const end = () => {
      if (over) return;
      over = true;
      cancel();
      resolve(replies);
    };
    const restIsSlow = () => {
      const now = clock.monotonic();
      return nodes.every((node, i) => replies[i] !== PENDING || node.slow(now));
    };
    const arrive = (index: number, reply: Reply) => {
      if (over) return;
      replies[index] = reply;
      left--;
      if (reply.state === "answer") answered++;
      if (left === 0 || decided?.(replies)) return end();
      if (answered < majority) return;
      if (restIsSlow()) return end();
      if (answered === majority) {
        cancel();
        cancel = clock.timer(Math.min(PATIENCE_MS, Math.max(0, begin + timeoutMs - clock.monotonic())), end);
      }
    };
    let unsettled = nodes.length;
    const settle = () => {
      if (--unsettled === 0) onSettled?.();
    };
    const ask = (node: QuorumNode, index: number) => {
      const said = node.send(script, keys, args, begin, { whole, isWanted });
      said.then(settle, settle);
      said.then(
        (value) => arrive(index, { state: "answer", value }),
        (error: unknown) => {
          onFailed?.(index);
          arrive(index, { state: "failed", error });
        },
      );
    };
    cancel = clock.timer(timeoutMs, end);
    for (const [index, node] of nodes.entries()) {
      if (except?.(index)) {
        settle();
        left--;
        replies[index] = { state: "failed", error: null };
      } else if (node.connected) ask(node, index);
      else {
        void node.attempt.then(() => {
          if (over) {
            onFailed?.(index);
            settle();
          } else ask(node, index);
        });
      }
    }
    if (left === 0) end();
  });
}

/** How many nodes answered as `wanted` says. */
export function count(replies: readonly Reply[], wanted: (value: unknown, index: number) => boolean): number {
  let found = 0;
  for (let i = 0; i < replies.length; i++) {
    const reply = replies[i];
    if (reply?.state === "answer" && wanted(reply.value, i)) found++;
  }
  return found;
}

/** How many nodes answered. */
export function answers(replies: readonly Reply[]): number {
  return count(replies, () => true);
}

/**
 * A question that a majority answers with yes (1) or no: decided when a majority says yes, or so many say no that none can
 * be left.
 */
export function yesOrNo(replies: readonly Reply[]): boolean {
  const majority = majorityOf(replies.length);
  const yes = count(replies, (value) => value === 1);
  return yes >= majority || refused(replies);
}

/** True when so many nodes said no that a majority for yes is impossible. */
export function refused(replies: readonly Reply[], nodes = replies.length): boolean {
  return count(replies, (value) => value !== 1) > nodes - majorityOf(nodes);
}
