import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readInstancesFile } from "../../../src/core/registry/instances-file.ts";

const DEFAULTS = { service: null, weight: 1, version: null, zone: null, tags: [], check: null };

describe("instances files", () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "dcs-file-"));
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));

  async function read(text: string, kind: "yaml" | "json" = "yaml", defaults = {}) {
    const path = join(dir, `i.${kind}`);
    await writeFile(path, text);
    return readInstancesFile(path, { ...DEFAULTS, ...defaults });
  }

  it("reads YAML and JSON, with or without the outer object", async () => {
    const yaml = "ttl: 10s\ninstances:\n  - service: web\n    endpoint: h:1\n    tags: [a]\n    check: tcp\n";
    expect(await read(yaml)).toEqual({
      ttlMs: 10_000,
      instances: [
        {
          spec: { service: "web", endpoint: "h:1", weight: 1, version: null, zone: null, tags: ["a"] },
          check: "tcp",
        },
      ],
    });
    const list = await read('[{"endpoint":"h:1","weight":0}]', "json", { service: "api", version: "v3" });
    expect(list.ttlMs).toBeNull();
    expect(list.instances[0]?.spec).toMatchObject({ service: "api", weight: 0, version: "v3" });
  });

  it.each([
    [
      "a bad endpoint",
      "instances:\n  - service: web\n    endpoint: nowhere\n",
      3,
      5,
      /nowhere.*port is missing/,
    ],
    [
      "an unknown key",
      "instances:\n  - service: web\n    endpoint: h:1\n    wieght: 2\n",
      4,
      5,
      /unknown key "wieght"/,
    ],
    ["a wrong type", "instances:\n  - service: web\n    endpoint: h:1\n    weight: two\n", 4, 5, /weight/],
    ["a bad name", "instances:\n  - service: a/b\n    endpoint: h:1\n", 2, 5, /a\/b/],
    ["no service", "- endpoint: h:1\n", 1, 3, /service is missing/],
    [
      "a duplicate",
      "- service: w\n  endpoint: h:1\n- service: w\n  endpoint: h:1\n",
      4,
      3,
      /stands twice.*instance 1/,
    ],
    ["a bad check", "- service: w\n  endpoint: h:1\n  check: ping\n", 3, 3, /check/],
    ["a bad TTL", "ttl: soon\ninstances:\n  - service: w\n    endpoint: h:1\n", 1, 1, /ttl/],
    ["no YAML", "instances:\n  - {a: b\n", 3, 1, /not YAML/],
    ["nothing", "", 1, 1, /./],
    ["an escape", '- {service: w, endpoint: "h:1", zone: "\\e[31m"}\n', 1, 33, /zone: it holds a control/],
    ["a line in a tag", '- {service: w, endpoint: "h:1", tags: ["a\\nb"]}\n', 1, 40, /it holds a control/],
  ])("says where: %s", async (_what, text, line, column, message) => {
    await expect(read(text)).rejects.toMatchObject({
      code: "FILE_INVALID",
      message: expect.stringMatching(message),
      details: { line, column },
    });
  });

  it("says where in JSON", async () => {
    await expect(
      read('[\n  {"service": "w", "endpoint": "h:1", "weight": -1}\n]', "json"),
    ).rejects.toMatchObject({
      code: "FILE_INVALID",
      details: { line: 2 },
    });
    await expect(read('[\n  {"service": }\n]', "json")).rejects.toMatchObject({
      code: "FILE_INVALID",
      message: expect.stringMatching(/i\.json:2:1\d: this is not JSON/),
    });
  });

  it("reads past a byte order mark", async () => {
    const json = '[{"service": "w", "endpoint": "h:1"}]';
    expect((await read(`\ufeff${json}`, "json")).instances).toHaveLength(1);
    expect((await read("\ufeff- service: w\r\n  endpoint: h:1\r\n")).instances).toHaveLength(1);
  });

  it("counts all problems", async () => {
    const text = Array.from({ length: 30 }, () => "- service: web\n  endpoint: x\n").join("");
    await expect(read(text)).rejects.toMatchObject({ details: { count: 59, problems: { length: 5 } } });
  });

  it("cannot read what is not there", async () => {
    const reading = readInstancesFile(join(dir, "none.yaml"), DEFAULTS);
    await expect(reading).rejects.toMatchObject({ code: "FILE_INVALID", details: { code: "ENOENT" } });
  });
});
