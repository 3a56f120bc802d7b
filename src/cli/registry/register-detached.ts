import type { Settings } from "../../core/config/settings.ts";
import type { Registration } from "../../core/registry/run-registration.ts";
import { redact } from "../../core/util/redact.ts";
import { type Output, shellQuote } from "../output.ts";
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
        `end it with   dcs deregister ${many ? "ID" : id}${where(settings)}`,
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

/** The flags by which another command finds the same store, where this one was told by flag. */
function where({ context, store, protected: guarded }: Settings): string {
  const words = [];
  if (store.origin.kind === "flag") words.push(`--store ${shellQuote(redact(store.value))}`);
  if (context?.chosenBy.kind === "flag") words.push(`--context ${context.name}`);
  if (guarded.value && context !== null) words.push(`--confirm ${context.name}`);
  return words.map((word) => ` ${word}`).join("");
}
