import { DcsError } from "../../errors.ts";
import type { BenchPlan } from "../bench-plan.ts";
import type { Driver, DriverShare } from "./driver.ts";

/** The driver of the plan's target, with its connections not yet made or already; rejects when it cannot be used at all. */
export async function openDriver(plan: BenchPlan, share: DriverShare): Promise<Driver> {
  const { target } = plan;
  switch (target.kind) {
    case "http": {
      const { origin, pathname, search } = new URL(target.url);
      return openHttp(plan, share, origin, pathname + search);
    }
    case "service":
      return openHttp(plan, share, null, target.path);
    default:
      throw new DcsError("USAGE", `TARGET: nothing drives ${target.kind} yet`);
  }
}

async function openHttp(
  { http: request }: BenchPlan,
  share: DriverShare,
  origin: string | null,
  path: string,
): Promise<Driver> {
  const { HttpDriver } = await import("./http-driver.ts");
  return HttpDriver.open({ request, share, path, origin });
}
