import { DcsError } from "../../errors.ts";
import type { BenchPlan } from "../bench-plan.ts";
import type { Driver, DriverShare } from "./driver.ts";

/** The driver of the plan's target, with its connections not yet made or already; rejects when it cannot be used at all. */
export async function openDriver(plan: BenchPlan, share: DriverShare): Promise<Driver> {
  const { target, workers } = plan;
  const operation = { operation: plan.operation?.text ?? null, share, workers };
  switch (target.kind) {
    case "http": {
      const { origin, pathname, search } = new URL(target.url);
      return openHttp(plan, share, origin, pathname + search);
    }
    case "service":
      return openHttp(plan, share, null, target.path);
    case "grpc": {
      const { GrpcDriver } = await import("./grpc-driver.ts");
      return GrpcDriver.open({ target, request: plan.grpc, share });
    }
    case "redis": {
      const { RedisDriver } = await import("./redis-driver.ts");
      return RedisDriver.open({ url: target.url, ...operation });
    }
    case "etcd": {
      const { EtcdDriver } = await import("./etcd-driver.ts");
      return EtcdDriver.open({ url: target.url, ...operation });
    }
    case "mysql": {
      const { MysqlDriver } = await import("./mysql-driver.ts");
      return MysqlDriver.open({ url: target.url, ...operation });
    }
    case "lock": {
      if (plan.places === null)
        throw new DcsError("UNEXPECTED", "the plan does not say where locks are kept");
      const { LockBenchDriver } = await import("./lock-driver.ts");
      return LockBenchDriver.open({ name: target.name, places: plan.places, share, workers });
    }
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
