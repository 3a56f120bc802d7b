import type { Settings } from "../../core/config/settings.ts";
import type { Registration } from "../../core/registry/run-registration.ts";
import type { Output } from "../output.ts";
import { sameBackend } from "../where.ts";
import { startKeeper } from "./keeper-link.ts";
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
  const args = keeperWords(process.argv.slice(2));
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
        `end it with   dcs deregister ${many ? "ID" : id}${sameBackend(settings, { confirm: true })}`,
        `log           ${log}`,
      ],
      names: () => instances.map(({ spec }) => `${spec.service}/${spec.endpoint}`),
    },
  );
}

/** This command line for the keeper, which stays and writes to a log: without --detach and the form of our output. */
export function keeperWords(words: readonly string[]): readonly string[] {
  const end = words.indexOf("--");
  const [own, child] = end < 0 ? [words, []] : [words.slice(0, end), words.slice(end)];
  const kept = own.filter((word, at) => {
    if (own[at - 1] === "-o" || own[at - 1] === "--output") return false;
    return !/^(--detach|--json|-o.*|--output(=.*)?)$/.test(word);
  });
  return [...kept, ...child];
}
