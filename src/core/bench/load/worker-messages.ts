import type { ErrorCode } from "../../errors.ts";
import type { BenchPlan } from "../bench-plan.ts";
import type { DriverInstance } from "../drive/driver.ts";
import type { LoadWindow } from "./load.ts";
import type { SliceReport } from "./slice.ts";

/** What a worker is started with. */
export interface BenchWorkerData {
  readonly plan: BenchPlan;
  /** Its number, from 0. */
  readonly worker: number;
  readonly instances: readonly DriverInstance[];
}

export type BenchOrder =
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
