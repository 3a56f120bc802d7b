import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { checkUrl, isLocalUrl } from "../../../src/core/config/url.ts";
import { ENGINE_NAMES } from "../../../src/core/dev/engine.ts";

const read = (path: string) =>
  readFileSync(fileURLToPath(new URL(`../../../${path}`, import.meta.url)), "utf8");

interface Service {
  readonly image: string;
  readonly command: readonly string[];
  readonly ports: readonly string[];
  readonly volumes: readonly string[];
  readonly healthcheck: { readonly test: readonly string[] };
}

const compose: { services: Record<string, Service>; volumes: Record<string, null> } = parse(
  read("deploy/compose.yaml"),
);

describe("deploy/compose.yaml", () => {
  it("has the engines of dcs up, each pinned, on loopback, with a volume and a health check", () => {
    expect(Object.keys(compose.services)).toEqual(ENGINE_NAMES);
    for (const { image, ports, volumes, healthcheck } of Object.values(compose.services)) {
      expect(image).toMatch(/:v?\d+\.\d+/);
      expect(ports).toEqual([expect.stringMatching(/^127\.0\.0\.1:(\d+):\1$/)]);
      expect(compose.volumes).toHaveProperty(volumes[0]?.split(":")[0] ?? "none");
      expect(healthcheck.test[0]).toBe("CMD");
    }
  });

  it("keeps the settings that doctor wants", () => {
    const redis = compose.services["redis"]?.command.join(" ");
    expect(redis).toContain("--appendonly yes --appendfsync always --maxmemory-policy noeviction");
    expect(compose.services["mariadb"]?.command).toContain("--binlog-format=ROW");
  });

  it("goes with the context in docs/development.md", () => {
    const [, block = ""] = /```yaml\n(contexts:\n[\s\S]*?)```/.exec(read("docs/development.md")) ?? [];
    const {
      compose: context,
    }: Record<string, Record<"store" | "locks" | "journal", string>> = parse(block).contexts;
    const ports = Object.values(compose.services).map(({ ports: [port = ""] }) => port.split(":")[1]);
    expect(Object.keys(context ?? {})).toEqual(["store", "locks", "journal"]);
    for (const [index, key] of (["store", "locks", "journal"] as const).entries()) {
      const url = checkUrl(key, context?.[key] ?? "", {
        what: key,
        code: "URL_INVALID",
        base: "/",
        home: null,
      });
      expect(isLocalUrl(url)).toBe(true);
      expect(url).toContain(`:${ports[index]}`);
    }
  });
});
