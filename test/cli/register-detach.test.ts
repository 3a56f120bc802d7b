import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { dcsBin, runProcess } from "../support/cli.ts";
import { gone, registrants } from "../support/registrants.ts";
import { until } from "../support/until.ts";

describe("register --detach", () => {
  const { box, dcs, data } = registrants();

  it("leaves a keeper of a command with --detach, and keeps stdout for its one document", async () => {
    const run = await dcs(
      "register",
      "web",
      "--endpoint",
      "10.0.0.1:80",
      "--detach",
      "--json",
      "--",
      "sleep",
      "60",
    );
    expect(run, run.stdout).toMatchObject({ code: 0 });
    expect(run.json()["data"]).toMatchObject({ instance: { id: "web/10.0.0.1:80", status: "ready" } });
    await data("deregister", "web/10.0.0.1:80", "--wait", "10s");
  });

  it("leaves a keeper with --detach, that deregister ends", async () => {
    const left = await data("register", "web", "--endpoint", "10.0.0.1:80", "--detach");
    expect(left).toMatchObject({
      instance: { id: "web/10.0.0.1:80", status: "ready" },
      lease: expect.stringMatching(/^[0-9a-f]{16}$/),
      pid: expect.any(Number),
    });
    const pid = Number(left["pid"]);
    expect(() => process.kill(pid, 0)).not.toThrow();
    expect(await data("lease", "inspect", String(left["lease"]).toUpperCase())).toMatchObject({
      keys: ["/services/web/10.0.0.1:80"],
      what: [{ kind: "instance", name: "web/10.0.0.1:80" }],
      holder: { pid },
    });
    const out = await data("deregister", "web/10.0.0.1:80", "--reason", "done", "--wait", "20s");
    expect(out).toMatchObject({ count: 1, ended: true, instances: [{ id: "web/10.0.0.1:80" }] });
    await until(() => gone(pid));
    expect(await data("lease", "ls")).toEqual({ leases: [] });
  });

  it("tells the error of a keeper that could not start", async () => {
    // A TTL that no load of the machine outlasts: the address must still be taken when the second one looks.
    await data("register", "web", "--endpoint", "10.0.0.1:80", "--ttl", "60s", "--detach");
    const second = await dcs(
      "register",
      "web",
      "--endpoint",
      "10.0.0.1:80",
      "--detach",
      "--wait",
      "1s",
      "--json",
    );
    expect(second.code).toBe(3);
    expect(second.json()["error"]).toMatchObject({
      code: "INSTANCE_TAKEN",
      details: { instance: "web/10.0.0.1:80" },
    });
    await data("deregister", "web", "--wait", "20s");
    const store = ["--store", "embedded:/proc/no/such.db"];
    const nowhere = await dcs("register", "web", "--endpoint", "10.0.0.1:80", "--detach", ...store, "--json");
    expect(nowhere.code).toBe(5);
    expect(nowhere.json()["error"]).toMatchObject({ code: "STORE_UNWRITABLE" });
  });

  it("leaves no keeper behind when the check does not pass in time", async () => {
    const args = [
      "register",
      "web",
      "--endpoint",
      "10.0.0.1:80",
      "--check",
      "exec:false",
      "--detach",
      "--wait",
      "300ms",
    ];
    const late = await dcs(...args, "--json");
    expect(late.code).toBe(124);
    expect(late.json()["error"]).toMatchObject({ code: "WAIT_TIMEOUT" });
    await until(async () => JSON.stringify(await data("lease", "ls")) === '{"leases":[]}');
    expect(readdirSync(join(box.dir, "state/keepers"))).toEqual([]);
  });

  it("says what a check found that does not pass", async () => {
    const check = ["--check", "exec:echo no database; exit 3", "--check-interval", "50ms", "--fall", "1"];
    const args = ["register", "web", "--endpoint", "10.0.0.1:80", ...check];
    const late = await dcs(...args, "--detach", "--wait", "2s");
    expect(late.stderr).toContain("(web/10.0.0.1:80: exit 3: no database)");
    const web = box.start(...args);
    await until(() => web.stdout().includes("web/10.0.0.1:80: exit 3: no database"), 20_000);
  });

  it("refuses to leave a keeper that would read a pipe again", async () => {
    const run = await dcs("register", "web", "--file", "/dev/stdin", "--detach", "--json");
    expect(run.code).toBe(2);
    expect(run.json()["error"]).toMatchObject({ code: "USAGE", details: { flag: "--file" } });
  });

  it("leaves a keeper also when nobody reads stdout, or the shell waits for its end", async () => {
    const script =
      'x=$("$0" "$1" register web --endpoint h:1 --detach --json); "$0" "$1" register web --endpoint h:2 --detach >&-; echo "$x"';
    const run = await runProcess(["sh", "-c", script, process.execPath, dcsBin], {
      env: box.env,
      cwd: box.dir,
    });
    expect(JSON.parse(run.stdout)).toMatchObject({ ok: true, data: { instance: { id: "web/h:1" } } });
    expect((await dcs("services", "-o", "name")).stdout).toBe("web/h:1\nweb/h:2\n");
    await data("deregister", "web", "--all", "--yes", "--wait", "20s");
    await until(() => readdirSync(join(box.dir, "state/keepers")).length === 0);
  });

  it("says how to end it in the same context", async () => {
    writeFileSync(join(box.dir, "dcs.yaml"), "contexts: {prod: {store: 'embedded:', protected: true}}\n");
    const left = await dcs("register", "web", "--endpoint", "h:1", "--detach", "--context", "prod");
    const [, end = ""] = /^end it with +dcs (.*)$/m.exec(left.stdout) ?? [];
    expect(end).toBe("deregister web/h:1 --context prod --confirm prod");
    expect((await dcs(...end.split(" "), "--wait", "20s")).code).toBe(0);
  });
});
