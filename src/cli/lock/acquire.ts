import type { Settings } from "../../core/config/settings.ts";
import { DcsError } from "../../core/errors.ts";
import type { OnDoubt } from "../../core/lock/guard-options.ts";
import { HoldNotes } from "../../core/lock/hold-notes.ts";
import { sayMode } from "../../core/lock/lock-mode.ts";
import { openLocks } from "../../core/lock/open-locks.ts";
import { sayHolder } from "../../core/lock/say-holder.ts";
import { currentHolder } from "../../core/process/identity.ts";
import { systemClock } from "../../core/util/clock.ts";
import { formatDuration } from "../../core/util/duration.ts";
import { type Output, shellQuote } from "../output.ts";
import { sameBackend } from "../where.ts";
import { fenceText, type LockKind, modeData } from "./kind.ts";
import { locksAddress } from "./locks.ts";

export interface AcquireInput {
  readonly name: string;
  readonly ttlMs: number;
  readonly ttlGiven: boolean;
  readonly waitMs: number;
  readonly reason: string | undefined;
  readonly kind: LockKind;
  readonly graceMs: number | undefined;
  readonly onDoubt: OnDoubt | undefined;
  readonly receipt: string | undefined;
  readonly events: string | undefined;
  /** The words after `--`. */
  readonly child: readonly string[];
}

export interface AcquireRun {
  /** Read late: a receipt tells of wrong settings too. */
  readonly settings: () => Promise<Settings>;
  readonly out: Output;
  readonly signal: AbortSignal;
}

/** `lock acquire` without a command: leaves the lock held and says how to go on. */
export async function acquireDetached(
  input: AcquireInput,
  { settings, out, signal }: AcquireRun,
): Promise<void> {
  refuseChildFlags(input);
  const chosen = await settings();
  await using locks = await openLocks(locksAddress(chosen));
  const holder = currentHolder();
  const hold = await locks.acquire({
    name: input.name,
    ttlMs: input.ttlMs,
    waitMs: input.waitMs,
    ...(input.reason === undefined ? {} : { reason: input.reason }),
    ...input.kind,
    holder,
    detached: true,
    signal,
    onWait: (other) => out.note(`waiting for lock ${input.name}: ${sayHolder(other)}`),
  });
  const noted = { ...hold, holder, reason: input.reason ?? null, acquiredAt: systemClock.now() };
  if (!hold.reentered) await new HoldNotes(locks.notes, noted, systemClock).begin();
  const expiresAt = new Date(hold.expiresAt).toISOString();
  const proof = `${shellQuote(hold.name)} --token ${hold.token}${sameBackend(chosen)}`;
  if (!input.ttlGiven && !hold.reentered) {
    out.warn(
      "LOCK_EXPIRES",
      `nothing renews this lock: it ends at ${expiresAt} (in ${formatDuration(hold.ttlMs)}) unless you run: dcs lock renew ${proof}`,
    );
  }
  const { token, fence, ttlMs, reentered } = hold;
  const data = {
    name: hold.name,
    token,
    fence,
    ...modeData(hold.mode),
    reentered,
    ttlMs,
    expiresAt,
    backend: locks.backend,
    url: locks.url,
  };
  out.result("lock.acquire", data, {
    lines: () => [
      `lock     ${hold.name}`,
      `token    ${token}`,
      ...(hold.mode.type === "exclusive" ? [] : [`mode     ${sayMode(hold.mode)}`]),
      `fence    ${fence ?? (hold.mode.type === "slots" ? "none: several hold it at a time" : "none, as asked")}`,
      `expires  ${expiresAt} (in ${formatDuration(ttlMs)})`,
      `backend  ${locks.url}`,
      `renew    dcs lock renew ${proof}`,
      `release  dcs lock release ${proof}`,
    ],
    names: () => [token],
    env: () => ({ DCS_LOCK_NAME: hold.name, DCS_LOCK_TOKEN: token, DCS_LOCK_FENCE: fenceText(fence) }),
  });
}

function refuseChildFlags(input: AcquireInput): void {
  const given = (["receipt", "events"] as const).find((flag) => input[flag] !== undefined);
  const flag = input.graceMs !== undefined ? "grace" : input.onDoubt !== undefined ? "on-doubt" : given;
  if (flag === undefined) return;
  throw new DcsError("USAGE", `--${flag} needs a command after --`, {
    details: { flag: `--${flag}` },
    hint: `dcs lock acquire ${shellQuote(input.name)} --${flag} … -- COMMAND`,
  });
}
