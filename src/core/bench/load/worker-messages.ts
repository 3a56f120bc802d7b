import type { ErrorCode } from "../../errors.ts";
import type { BenchPlan } from "../bench-plan.ts";
import type { DriverInstance } from "../drive/driver.ts";
import type { BenchEngine } from "../result.ts";
import type { LoadWindow } from "./load.ts";
import type { SliceReport } from "./slice.ts";

/** What a worker is started with: before it is known what it is to do, so that its libraries are loaded meanwhile. */
export interface BenchWorkerData {
  /** What it will probably be asked for. */
  readonly likely: BenchEngine;
}

export type BenchOrder =
  /** Comes first, and is answered with `ready` or `failed`. `worker` is its number, from 0. */
  | {
      readonly type: "open";
      readonly plan: BenchPlan;
      readonly worker: number;
      readonly instances: readonly DriverInstance[];
    }
  | { readonly type: "start"; readonly window: LoadWindow }
  | { readonly type: "follow"; readonly instances: readonly DriverInstance[] }
  /** Send nothing more, wait for answers. */
  | { readonly type: "finish" }
  /** Send nothing more, wait for nothing. */
  | { readonly type: "stop" };

export type BenchReport =
  | { readonly type: "ready" }
  | { readonly type: "slice"; readonly slice: SliceReport }
  /** The last answer was there at `endedMs` of the shared clock; `utilisation` is that of its event loop while it was measured. */
  | { readonly type: "done"; readonly endedMs: number; readonly utilisation: number }
  | { readonly type: "failed"; readonly code: ErrorCode; readonly message: string; readonly hint: string };
