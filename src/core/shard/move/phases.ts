import type { Move } from "./move.ts";
import type { MoveStep } from "./move-event.ts";
import { apply } from "./phases/apply.ts";
import { arm } from "./phases/arm.ts";
import { capture } from "./phases/capture.ts";
import { clean } from "./phases/clean.ts";
import { copy } from "./phases/copy.ts";
import { cut } from "./phases/cut.ts";
import { end } from "./phases/end.ts";
import { flip } from "./phases/flip.ts";
import { giveBack } from "./phases/give-back.ts";
import { open } from "./phases/open.ts";
import { purge } from "./phases/purge.ts";
import { retire } from "./phases/retire.ts";
import { take } from "./phases/take.ts";
import { verify } from "./phases/verify.ts";
import { window } from "./phases/window.ts";

export interface Phase {
  readonly run: (move: Move) => Promise<MoveStep | "done">;
  /** What may come after it; anything else is a defect. */
  readonly next: readonly (MoveStep | "done")[];
  /** Before it the move may be left alone: the bucket is open on one side, and nobody waits for anything. */
  readonly mayStop?: true;
}

/**
 * The order of docs/shards-protocol.md as data. Every run begins with `arm` and `take` (R1–R4), which is the whole of resume: they
 * lead to the phase that is next by the map, the intent and the two rows.
 */
export const PHASES: Readonly<Record<MoveStep, Phase>> = {
  arm: { run: arm, next: ["take"] },
  take: { run: take, next: ["purge", "copy", "apply", "flip", "open", "give back", "clean"] },
  "give back": { run: giveBack, next: ["clean"] },
  purge: { run: purge, next: ["capture"], mayStop: true },
  capture: { run: capture, next: ["copy"], mayStop: true },
  copy: { run: copy, next: ["apply"], mayStop: true },
  apply: { run: apply, next: ["verify", "cut", "window"], mayStop: true },
  verify: { run: verify, next: ["cut"], mayStop: true },
  cut: { run: cut, next: ["flip", "apply"], mayStop: true },
  flip: { run: flip, next: ["open", "arm"] },
  open: { run: open, next: ["retire"] },
  retire: { run: retire, next: ["clean"] },
  window: { run: window, next: ["arm"], mayStop: true },
  clean: { run: clean, next: ["end"], mayStop: true },
  end: { run: end, next: ["done"] },
};

/** From the claim or the takeover to the end. Rejects with whatever stopped it; then everything is to be forgotten. */
export async function runPhases(move: Move): Promise<void> {
  let step: MoveStep = "arm";
  for (;;) {
    const phase: Phase = PHASES[step];
    if (phase.mayStop) move.mayStop();
    move.began(step);
    await move.point(step);
    const next: MoveStep | "done" = await phase.run(move);
    if (!phase.next.includes(next)) throw new Error(`${step} does not lead to ${next}`);
    if (next === "done") return;
    step = next;
  }
}
