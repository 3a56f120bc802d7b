import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openStore } from "../../src/core/store/open-store.ts";
import { events, registrants, saw } from "../support/registrants.ts";
import { until } from "../support/until.ts";

describe("register, services, resolve, deregister", () => {
  const { box, dcs, data } = registrants();

  it("stays registered until SIGTERM, then goes at once and ends with 0", async () => {
    const web = box.start(
      "register",
      "web",
      "--endpoint",
      "10.0.0.1:80",
      "--weight",
      "3",
      "--tag",
      "a",
      "--tag",
      "b",
      "--version",
      "v2",
      "--zone",
      "z",
      "--json",
    );
    await saw(web, "registered");
    expect(await data("services")).toEqual({
      services: [
        {
          name: "web",
          instances: [
            expect.objectContaining({
              id: "web/10.0.0.1:80",
              endpoint: "10.0.0.1:80",
              weight: 3,
              version: "v2",
              zone: "z",
              tags: ["a", "b"],
              status: "ready",
              lease: expect.stringMatching(/^[0-9a-f]{16}$/),
              registeredAt: expect.stringMatching(/^\d{4}-.*Z$/),
            }),
          ],
        },
      ],
    });
    expect((await dcs("resolve", "web", "-n", "2")).stdout).toBe("10.0.0.1:80\n10.0.0.1:80\n");
    expect(await data("resolve", "web")).toMatchObject({
      picks: [{ id: "web/10.0.0.1:80", endpoint: "10.0.0.1:80" }],
    });
    web.process.kill("SIGTERM");
    expect((await web.done).code).toBe(0);
    expect(events(web).at(-1)).toMatchObject({ event: "deregistered", by: "SIGTERM" });
    expect(await data("services")).toEqual({ services: [] });
  });

  it("does not claim the end of what another tool registered", async () => {
    const store = await openStore("embedded:", { timeoutMs: 5000, stateDir: join(box.dir, "state") });
    await store.txn({ compares: [], ops: [{ put: "/services/web/h:1", value: '{"Addr":"h:1"}' }] });
    await store.close();
    expect(await data("deregister", "web", "--wait", "1s")).toMatchObject({ count: 1, ended: null });
    expect(await data("services")).toEqual({ services: [] });
  });

  it("runs a command as the service: its end deregisters, its status is ours", async () => {
    const run = box.start(
      "register",
      "web",
      "--endpoint",
      "10.0.0.1:80",
      "--events",
      "events.ndjson",
      "--",
      "sh",
      "-c",
      "echo up; while [ ! -e stop ]; do sleep 0.05; done; exit 7",
    );
    await until(() => run.stdout() === "up\n", 20_000);
    expect((await dcs("resolve", "web")).stdout).toBe("10.0.0.1:80\n");
    writeFileSync(join(box.dir, "stop"), "");
    expect(await run.done).toMatchObject({ code: 7, stdout: "up\n" });
    expect(await data("services")).toEqual({ services: [] });
  });

  it("is ready only while the check passes", async () => {
    const ok = join(box.dir, "ok");
    const web = box.start(
      "register",
      "web",
      "--endpoint",
      "10.0.0.1:80",
      "--check",
      `exec:test -e ${ok}`,
      "--check-interval",
      "100ms",
      "--fall",
      "1",
      "--json",
    );
    await saw(web, "pending");
    expect((await dcs("resolve", "web")).code).toBe(6);
    expect(await data("services", "web")).toMatchObject({
      services: [{ instances: [{ status: "unready" }] }],
    });
    const waiting = dcs("resolve", "web", "--wait", "20s");
    writeFileSync(ok, "");
    await saw(web, "registered");
    expect((await waiting).stdout).toBe("10.0.0.1:80\n");
  });

  it("registers the instances of a file", async () => {
    writeFileSync(
      join(box.dir, "i.yaml"),
      "- {service: a, endpoint: 'h:1'}\n- {service: b, endpoint: 'h:1', weight: 2}\n",
    );
    const file = box.start("register", "--file", "i.yaml", "--json");
    await saw(file, "registered");
    expect(await data("services")).toMatchObject({
      services: [{ name: "a" }, { name: "b", instances: [{ weight: 2 }] }],
    });
    expect(await data("lease", "ls")).toMatchObject({
      leases: [{ keys: ["/services/a/h:1", "/services/b/h:1"] }],
    });
    writeFileSync(join(box.dir, "bad.yaml"), "- service: a\n  endpoint: h\n");
    const bad = await dcs("register", "--file", "bad.yaml", "--json");
    expect(bad.code).toBe(2);
    expect(bad.json()["error"]).toMatchObject({ code: "FILE_INVALID", details: { line: 2, column: 3 } });
  });

  it("watches services as ndjson", async () => {
    const watch = box.start("services", "--watch", "--json");
    await saw(watch, "current");
    const web = box.start("register", "web", "--endpoint", "10.0.0.1:80", "--json");
    await saw(watch, "added");
    web.process.kill("SIGKILL");
    await saw(watch, "removed");
    watch.process.kill("SIGINT");
    expect((await watch.done).code).toBe(0);
    expect(events(watch).map((event) => event.event)).toEqual(["current", "added", "removed"]);
  });

  it("renews and revokes leases", async () => {
    const left = await data("register", "web", "--endpoint", "10.0.0.1:80", "--detach");
    const lease = String(left["lease"]);
    expect(await data("lease", "keepalive", lease, "--once")).toEqual({ id: lease, ttlMs: 5000 });
    const bare = await dcs("lease", "revoke", lease, "--json");
    expect(bare.code).toBe(2);
    expect(bare.json()["error"]).toMatchObject({ code: "CONFIRM_REQUIRED" });
    await data("lease", "revoke", lease, "--yes");
    await until(async () => JSON.stringify(await data("services")).includes("web/10.0.0.1:80"));
    expect((await dcs("lease", "inspect", lease)).code).toBe(6);
    await data("deregister", "web", "--wait", "20s");
  });

  it.each([
    [["register", "a/b", "--endpoint", "h:1"], 2, "NAME_INVALID"],
    [["register", "a\nb", "--endpoint", "h:1"], 2, "NAME_INVALID"],
    [["register", "..", "--endpoint", "h:1"], 2, "NAME_INVALID"],
    [["register", "web", "--endpoint", "nowhere"], 2, "USAGE"],
    [["register", "web", "--endpoint", "h:1\n"], 2, "USAGE"],
    [["register", "web"], 2, "USAGE"],
    [["register", "--endpoint", "h:1"], 2, "USAGE"],
    [["register", "web", "--endpoint", "h:1", "--ttl", "0"], 2, "TTL_INVALID"],
    [["register", "web", "--endpoint", "h:1", "--check", "ping"], 2, "USAGE"],
    [["register", "web", "--endpoint", "h:1", "--weight", "-1"], 2, "USAGE"],
    [["register", "web", "--endpoint", "h:1", "--receipt", "f"], 2, "USAGE"],
    [["services", "a/b"], 2, "NAME_INVALID"],
    [["services", "web", "--wait", "50ms"], 124, "WAIT_TIMEOUT"],
    [["resolve", "web"], 6, "SERVICE_NOT_FOUND"],
    [["resolve", "web", "--wait", "50ms"], 124, "WAIT_TIMEOUT"],
    [["resolve", "web", "--policy", "rendezvous"], 2, "USAGE"],
    [["deregister", "web"], 6, "INSTANCE_NOT_FOUND"],
    [["deregister", "web/h:1"], 6, "INSTANCE_NOT_FOUND"],
    [["deregister", "web/h"], 2, "USAGE"],
    [["lease", "inspect", "xyz"], 2, "USAGE"],
    [["lease", "inspect", "1"], 6, "LEASE_NOT_FOUND"],
    [["lease", "keepalive", "1", "--once"], 6, "LEASE_NOT_FOUND"],
    [["lease", "revoke", "1", "--yes"], 6, "LEASE_NOT_FOUND"],
  ])("%j exits %i with %s", async (args, code, name) => {
    const run = await dcs(...args, "--json");
    expect(run.code).toBe(code);
    const [line = "{}"] = run.stdout.split("\n").filter((text) => text.includes("dcs.error/1"));
    expect(JSON.parse(line).error).toMatchObject({ code: name, hint: expect.stringMatching(/./) });
    expect(run.stderr + run.stdout).not.toContain("    at ");
  });
});
