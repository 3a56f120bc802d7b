import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeInstance, encodeInstance, instanceKeys } from "../../../src/core/registry/instance.ts";
import { checkServiceName, parseEndpoint } from "../../../src/core/registry/names.ts";

describe("service names", () => {
  it.each(["web", "a.b_c-D9", "...", "0"])("takes %s", (name) => {
    expect(checkServiceName(name)).toBe(name);
  });

  it.each(["", ".", "..", "a/b", "a b", "é", "web\n", "a".repeat(256)])(
    "refuses %j, naming it and the rule",
    (name) => {
      let error: unknown;
      try {
        checkServiceName(name);
      } catch (thrown) {
        error = thrown;
      }
      expect(error).toMatchObject({ code: "NAME_INVALID", details: { name, rule: expect.any(String) } });
    },
  );
});

describe("endpoints", () => {
  it.each([
    ["10.0.0.1:80", "10.0.0.1", 80],
    ["host-1.example:65535", "host-1.example", 65_535],
    ["[::1]:8080", "::1", 8080],
  ])("takes %s", (text, host, port) => {
    expect(parseEndpoint(text, "--endpoint")).toEqual({ host, port, address: text });
  });

  it.each([
    "",
    "host",
    ":80",
    "host:",
    "host:0",
    "host:65536",
    "host:080",
    "host:8x",
    "::1:80",
    "[::1]",
    "[x]:80",
    "a b:80",
    "h:80\n",
    "-h:1",
    "h/x:1",
  ])("refuses %j, naming the flag", (text) => {
    expect(() => parseEndpoint(text, "--endpoint")).toThrow(/^--endpoint: /);
  });
});

describe("the value of an instance", () => {
  it("keeps what was said, with metadata as one string", () => {
    const label = fc.option(fc.string({ minLength: 1 }), { nil: null });
    fc.assert(
      fc.property(
        fc.nat(65_535),
        label,
        label,
        fc.array(fc.string()),
        label,
        (weight, version, zone, tags, detail) => {
          const spec = { service: "web", endpoint: "10.0.0.1:80", weight, version, zone, tags };
          const value = encodeInstance(spec, 1234, detail);
          expect(typeof JSON.parse(value).Metadata).toBe("string");
          const key = instanceKeys("web/10.0.0.1:80").unready;
          const kv = { key, value, createRevision: 1, modRevision: 1, lease: "a1" };
          expect(decodeInstance(kv)).toEqual({
            ...spec,
            id: "web/10.0.0.1:80",
            status: "unready",
            detail,
            lease: "a1",
            registeredAt: 1234,
            foreign: false,
          });
        },
      ),
    );
  });

  it("never fails on what other tools wrote", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), fc.string(), (value, rest) => {
        decodeInstance({ key: `/services/${rest}`, value, createRevision: 1, modRevision: 1, lease: null });
      }),
    );
  });
});
