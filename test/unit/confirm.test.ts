import { expect, it } from "vitest";
import { type ConfirmRequest, confirm } from "../../src/cli/confirm.ts";
import { ConsoleOutput } from "../../src/cli/output.ts";
import type { Settings } from "../../src/core/config/settings.ts";

const origin = { kind: "default" } as const;

function settings(context: string | null, guarded: boolean): Settings {
  const url = { value: "embedded:", origin };
  return {
    context:
      context === null ? null : { name: context, file: "f", line: 1, chosenBy: origin, protected: guarded },
    store: url,
    locks: url,
    journal: url,
    protected: { value: guarded, origin },
    timeoutMs: { value: 1, origin },
    stateDir: { value: "/x", origin },
    warnings: [],
  };
}

const ask = (context: string | null, guarded: boolean, flags: ConfirmRequest["flags"]) =>
  confirm({
    out: new ConsoleOutput(
      { mode: "table", quiet: true, verbose: false },
      { stdout: { write() {} }, stderr: { write() {} } },
    ),
    settings: settings(context, guarded),
    flags,
    what: "revoke lease 1",
    plan: [],
  });

it("is given by --yes, but never on a protected context", async () => {
  await ask(null, false, { yes: true });
  await expect(ask("prod", true, { yes: true })).rejects.toMatchObject({
    code: "CONFIRM_REQUIRED",
    hint: "add --confirm prod",
  });
  await ask("prod", true, { confirm: "prod" });
});

it("must name the context that is in use", async () => {
  await expect(ask("dev", false, { confirm: "prod" })).rejects.toMatchObject({ code: "CONFIRM_REQUIRED" });
  await expect(ask(null, false, { confirm: "prod" })).rejects.toMatchObject({ code: "CONFIRM_REQUIRED" });
});

it("is asked of nobody without a terminal", async () => {
  await expect(ask(null, false, {})).rejects.toMatchObject({ code: "CONFIRM_REQUIRED", hint: "add --yes" });
});
