import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { dcsBin, runDcs, runProcess } from "../support/cli.ts";
import { type Sandbox, sandbox } from "../support/start-dcs.ts";

/** Root reads whatever it likes unless its capabilities are taken away. */
const UNPRIVILEGED = process.getuid?.() === 0 ? ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] : [];

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

const dcs = (
  box: Sandbox,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  cwd = box.dir,
) => runDcs([...args, "--json"], { env: { ...box.env, ...env }, cwd });

async function settings(...given: Parameters<typeof dcs>) {
  const run = await dcs(...given);
  expect(run.stdout).toContain('"ok":true');
  return JSON.parse(run.stdout).data;
}

const CONTEXTS = `contexts:
  dev:
    store: embedded:./dev.db
    timeout: 3s
  prod:
    store: etcd://me:hunter2@10.0.0.1:2379,10.0.0.2:2379
    protected: true
`;

describe("precedence", () => {
  it("is flag, DCS_*, context, default, and every value names its origin", async () => {
    using box = sandbox();
    const file = join(box.dir, "dcs.yaml");
    write(file, CONTEXTS);
    const base = await settings(box, ["config", "show"]);
    expect(base).toMatchObject({
      context: null,
      settings: { store: { value: "embedded:", origin: "default" } },
    });

    const dev = await settings(box, ["config", "show", "--context", "dev"]);
    expect(dev.settings.store).toEqual({
      value: `embedded:${box.dir}/dev.db`,
      origin: `${file}:3 (context dev)`,
    });
    expect(dev.settings.timeoutMs).toEqual({ value: 3000, origin: `${file}:4 (context dev)` });
    expect(dev.settings.locks.value).toBe(dev.settings.store.value);

    const byVariable = await settings(box, ["config", "show"], { DCS_CONTEXT: "dev", DCS_TIMEOUT: "4s" });
    expect(byVariable.settings.timeoutMs).toEqual({ value: 4000, origin: "DCS_TIMEOUT" });
    const byFlag = await settings(box, ["config", "show", "--timeout", "5s"], { DCS_TIMEOUT: "4s" });
    expect(byFlag.settings.timeoutMs).toEqual({ value: 5000, origin: "flag --timeout" });

    const url = await settings(box, ["config", "show", "--store", "embedded:/x.db"], {
      DCS_STORE: "embedded:/y.db",
    });
    expect(url.settings.store).toEqual({ value: "embedded:/x.db", origin: "flag --store" });
  });

  it("never mixes a URL with a context", async () => {
    using box = sandbox();
    write(join(box.dir, "dcs.yaml"), CONTEXTS);
    const mixed = await settings(box, ["config", "show"], {
      DCS_CONTEXT: "prod",
      DCS_LOCKS: "redis://a:6379",
    });
    expect(mixed.context).toBeNull();
    expect(mixed.settings).toMatchObject({
      store: { value: "embedded:" },
      locks: { value: "redis://a:6379" },
      protected: { value: false },
    });
    const both = await dcs(box, ["config", "show", "--context", "prod"], { DCS_STORE: "embedded:" });
    expect(both.code).toBe(2);
    expect(both.json()["error"]).toMatchObject({
      code: "USAGE",
      message: expect.stringContaining("DCS_STORE"),
    });
  });
});

describe("contexts", () => {
  it("come from the nearest dcs.yaml upward and from the user's own file", async () => {
    using box = sandbox();
    write(join(box.dir, "repo/dcs.yaml"), CONTEXTS);
    write(join(box.dir, ".config/dcs/config.yaml"), "contexts:\n  mine:\n    store: embedded:/m.db\n");
    const deep = join(box.dir, "repo/a/b");
    mkdirSync(deep, { recursive: true });
    const { contexts } = await settings(box, ["config", "contexts"], {}, deep);
    expect(contexts.map(({ name }: { name: string }) => name)).toEqual(["dev", "prod", "mine"]);
    expect(JSON.stringify(contexts)).not.toContain("hunter2");
    expect((await settings(box, ["config", "contexts"])).contexts).toHaveLength(1);
  });

  it("of a repository that are not local must be selected by the user", async () => {
    using box = sandbox();
    const file = join(box.dir, "dcs.yaml");
    write(file, `context: dev\n${CONTEXTS}`);
    expect(await settings(box, ["config", "show"])).toMatchObject({
      context: { name: "dev", chosenBy: `${file}:1` },
    });
    write(file, `context: prod\n${CONTEXTS}`);
    const refused = await dcs(box, ["config", "show"]);
    expect(refused.code).toBe(2);
    expect(refused.json()["error"]).toMatchObject({
      code: "CONFIG_INVALID",
      hint: expect.stringContaining("config use prod"),
    });
    expect((await settings(box, ["config", "show", "--context", "prod"])).context).toMatchObject({
      protected: true,
    });
  });

  it("selected by `config use` are remembered in the user's own state only", async () => {
    using box = sandbox();
    const file = join(box.dir, "repo/dcs.yaml");
    write(file, CONTEXTS);
    const repo = dirname(file);
    expect((await dcs(box, ["config", "use", "prod"], {}, repo)).code).toBe(0);
    expect(readFileSync(file, "utf8")).toBe(CONTEXTS);
    const elsewhere = await settings(box, ["config", "show"]);
    expect(elsewhere.context).toMatchObject({ name: "prod", file });
    expect(elsewhere.settings.store.value).toBe("etcd://me:***@10.0.0.1:2379,10.0.0.2:2379");
    expect((await dcs(box, ["config", "use", "nope"], {}, repo)).code).toBe(2);
    expect((await dcs(box, ["config", "use", "--none"])).code).toBe(0);
    expect((await settings(box, ["config", "show"])).context).toBeNull();
  });
});

describe("a configuration file", () => {
  it.each([
    [
      "contexts:\n  a:\n    stor: embedded\n",
      "3:5",
      "contexts.a.stor",
      "allowed: store, locks, journal, timeout, protected",
    ],
    ["contxts: {}\n", "1:1", "contxts", "allowed: context, contexts"],
    ["contexts:\n  a:\n    protected: maybe\n", "3:16", "contexts.a.protected", "boolean"],
    ["contexts:\n  a:\n    store: mysql://x\n", "3:12", "contexts.a.store", "mysql:"],
    [`contexts:\n  a:\n    store: etcd://$\{NOT_THERE}\n`, "3:12", "contexts.a.store", "NOT_THERE"],
    ["contexts:\n  a:\n    timeout: soon\n", "3:14", "contexts.a.timeout", "duration"],
    ["contexts: [\n", "2:1", "", ""],
  ])("is refused with file, line and column: %j", async (text, place, key, why) => {
    using box = sandbox();
    const file = join(box.dir, "dcs.yaml");
    write(file, text);
    const run = await dcs(box, ["config", "validate"]);
    expect(run.code).toBe(2);
    const { error } = JSON.parse(run.stdout);
    expect(error.code).toBe("CONFIG_INVALID");
    expect(error.message).toContain(`${file}:${place}: ${key}`);
    expect(error.message).toContain(why);
  });

  it("takes variables from the environment, and shows no secret", async () => {
    using box = sandbox();
    write(join(box.dir, "dcs.yaml"), `contexts:\n  a:\n    store: etcd://me:$\{PW}@h:1\n`);
    const env = { PW: "hunter2" };
    expect((await dcs(box, ["config", "validate"], env)).code).toBe(0);
    for (const words of [["show", "--context", "a", "--origin"], ["contexts"]]) {
      const run = await dcs(box, ["config", ...words], env);
      expect(run.stdout).toContain("etcd://me:***@h:1");
      expect(run.stdout + run.stderr).not.toContain("hunter2");
    }
  });

  it("holds no alias of nothing", async () => {
    using box = sandbox();
    write(join(box.dir, "dcs.yaml"), "contexts: *nothing\n");
    const run = await dcs(box, ["services"]);
    expect(run).toMatchObject({ code: 2, stderr: "" });
    expect(run.json()["error"]).toMatchObject({ code: "CONFIG_INVALID" });
  });

  it.each([
    ["the user's own file", "config/dcs/config.yaml", "config"],
    ["the selection", "state/context.json", "state"],
  ])("that may not be read is an error, not an absence: %s", async (_what, file, directory) => {
    using box = sandbox();
    write(join(box.dir, file), '{"context": "a", "file": "/a"}\n');
    chmodSync(join(box.dir, directory), 0o000);
    const env = { ...box.env, XDG_CONFIG_HOME: join(box.dir, "config") };
    const words = [...UNPRIVILEGED, process.execPath, dcsBin, "config", "show", "--json"];
    const { code, stdout } = await runProcess(words, { env, cwd: box.dir });
    chmodSync(join(box.dir, directory), 0o700);
    expect(JSON.parse(stdout)).toMatchObject({
      error: { code: "CONFIG_INVALID", message: expect.stringContaining("EACCES") },
    });
    expect(code).toBe(2);
  });

  it("shows no protection it does not know", async () => {
    using box = sandbox();
    write(join(box.dir, "dcs.yaml"), `contexts:\n  a:\n    store: embedded:$\{UNSET}\n    protected: true\n`);
    const { contexts } = await settings(box, ["config", "contexts"]);
    expect(contexts).toMatchObject([{ name: "a", protected: null, error: expect.stringContaining("UNSET") }]);
  });

  it("takes a relative XDG directory for none", async () => {
    using box = sandbox();
    const { stdout } = await runProcess([process.execPath, dcsBin, "config", "show", "--json"], {
      env: { PATH: box.env["PATH"] ?? "", HOME: box.dir, XDG_STATE_HOME: "here" },
    });
    const { stateDir } = JSON.parse(stdout).data.settings;
    expect(stateDir).toEqual({ value: join(box.dir, ".local/state/dcs"), origin: "default" });
  });

  it("named on the command line must exist", async () => {
    using box = sandbox();
    const run = await dcs(box, ["config", "validate", "nope.yaml"]);
    expect(run).toMatchObject({ code: 2 });
    expect(run.json()["error"]).toMatchObject({ code: "FILE_INVALID" });
  });
});
