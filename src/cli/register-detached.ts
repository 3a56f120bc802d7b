import type { Settings } from "../core/config/settings.ts";
import type { Registration } from "../core/registry/run-registration.ts";
import { startKeeper } from "./keeper-link.ts";
import type { Output } from "./output.ts";
import { keeperName } from "./registration-flags.ts";

export interface DetachedRegistration {
  readonly instances: readonly Registration[];
  readonly settings: Settings;
  readonly out: Output;
  readonly signal: AbortSignal;
}

/** `register --detach`: leaves a keeper with the registration and prints `{instance, lease, pid, log}`. */
export async function registerDetached(request: DetachedRegistration): Promise<void> {
  const { settings, out, signal, instances } = request;
  const words = process.argv.slice(2);
  const end = words.indexOf("--");
  const args = words.filter((word, at) => word !== "--detach" || (end >= 0 && at > end));
  const { pid, log, data } = await startKeeper({
    args,
    stateDir: settings.stateDir.value,
    name: keeperName(instances),
    signal,
  });
  const many = instances.length > 1;
  const { instances: all, ...rest } = data;
  const [first] = instances;
  const id = first === undefined ? "" : `${first.spec.service}/${first.spec.endpoint}`;
  out.result(
    "register",
    { ...rest, ...(many ? { instances: all } : {}), pid, log },
    {
      lines: () => [
        `registered    ${many ? `${instances.length} instances` : id} on lease ${String(data["lease"])}, kept by pid ${pid}`,
        `end it with   dcs deregister ${many ? "ID" : id}`,
        `log           ${log}`,
      ],
      names: () => instances.map(({ spec }) => `${spec.service}/${spec.endpoint}`),
    },
  );
}
