import type { BenchTarget } from "../../core/bench/bench-target.ts";
import { DcsError } from "../../core/errors.ts";
import type { LoadInput } from "./bench-request.ts";

const HTTP: readonly BenchTarget["kind"][] = ["http", "service"];

/** Flags that only some kinds of targets know, and those kinds. */
const KNOWN_TO: Readonly<Partial<Record<keyof LoadInput, readonly BenchTarget["kind"][]>>> = {
  method: HTTP,
  "expect-status": HTTP,
  http2: HTTP,
  streams: HTTP,
  header: [...HTTP, "grpc"],
  body: [...HTTP, "grpc"],
  insecure: ["http", "grpc"],
  ca: ["http", "grpc"],
  op: ["redis", "etcd", "mysql"],
  proto: ["grpc"],
};

/** Flags that make sense only beside others. */
const NEEDS: readonly (readonly [keyof LoadInput, readonly (keyof LoadInput)[]])[] = [
  ["arrival", ["rate", "stages"]],
  ["max-in-flight", ["rate", "stages"]],
  ["seed", ["arrival"]],
  ["streams", ["http2"]],
];

/** Flags of which each makes the other one meaningless. */
const CLASHES: readonly (readonly [keyof LoadInput, keyof LoadInput])[] = [["ca", "insecure"]];

/** What would be ignored is a mistake of whoever typed it. USAGE names the flag. */
export function refuseForeignFlags({ kind }: BenchTarget, flags: LoadInput): void {
  for (const [name, kinds] of Object.entries(KNOWN_TO)) {
    if (isGiven(flags, name as keyof LoadInput) && !kinds.includes(kind)) {
      throw new DcsError("USAGE", `--${name}: a target of ${kind} has no use for it`, {
        hint: `leave it out; it is for ${kinds.join(", ")}`,
        details: { flag: `--${name}`, allowed: kinds },
      });
    }
  }
  for (const [name, needed] of NEEDS) {
    if (isGiven(flags, name) && !needed.some((other) => isGiven(flags, other))) {
      const words = needed.map((other) => `--${other}`);
      throw new DcsError("USAGE", `--${name} needs ${words.join(" or ")}`, {
        hint: `add ${words.join(" or ")}, or leave it out`,
        details: { flag: `--${name}`, allowed: words },
      });
    }
  }
  for (const [name, other] of CLASHES) {
    if (isGiven(flags, name) && isGiven(flags, other)) {
      throw new DcsError("USAGE", `--${name} cannot go with --${other}`, {
        hint: `leave one of them out`,
        details: { flag: `--${name}`, excluded: [`--${other}`] },
      });
    }
  }
  if (flags.seed !== undefined && flags.arrival !== "poisson") {
    throw new DcsError("USAGE", `--seed: even arrivals have nothing of chance`, {
      hint: "add --arrival poisson, or leave it out",
      details: { flag: "--seed", value: flags.seed, allowed: "--arrival poisson" },
    });
  }
}

function isGiven(flags: LoadInput, name: keyof LoadInput): boolean {
  const value = flags[name];
  return value !== undefined && value !== false;
}
