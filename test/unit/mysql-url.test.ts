import { describe, expect, it } from "vitest";
import { parseMysqlUrl } from "../../src/core/mysql/mysql-url.ts";
import { fill, literal, rowsOf } from "../../src/core/mysql/sql-text.ts";

describe("a mysql:// URL", () => {
  it("names server, login, database and TLS", () => {
    expect(parseMysqlUrl("mysql://d%40cs:p%2Fw@[::1]:3307/my%20db?tls=verify")).toEqual({
      host: "::1",
      port: 3307,
      user: "d@cs",
      password: "p/w",
      database: "my db",
      tls: "verify",
      shown: "mysql://d%40cs:***@[::1]:3307/my%20db?tls=verify",
    });
    expect(parseMysqlUrl("mysql://dcs@db/dcs")).toMatchObject({ port: 3306, password: null, tls: "off" });
  });

  it.each([
    ["redis://dcs:geheim@db/dcs", "does not begin with mysql://"],
    ["mysql://dcs:geheim@/dcs", "cannot be read"],
    ["mysql://:geheim@db/dcs", "names no user"],
    ["dcs:geheim@db/dcs", "does not begin with mysql://"],
    ["mysql://dcs:sehr geheim@db", "names no database"],
    ["mysql://dcs:geheim@db", "names no database"],
    ["mysql://dcs:geheim@db/a/b", "has the path /a/b"],
    ["mysql://dcs:geheim@a,b/dcs", "names several servers"],
    ["mysql://dcs:geheim@db/dcs?ssl=1", "has the parameter ssl; allowed: tls"],
    ["mysql://dcs:geheim@db/dcs?tls=yes", "has tls=yes; allowed: off, verify, insecure"],
    ["mysql://dcs:geheim%@db/dcs", "has a stray % in its password"],
    ["mysql://dcs:geheim@db:99999/dcs", "cannot be read"],
    ["mysql://dcs:geheim@db/dcs#x", "has a #"],
  ])("%s is refused, and keeps its password", (url, why) => {
    expect(() => parseMysqlUrl(url)).toThrow(why);
    try {
      parseMysqlUrl(url);
    } catch (error) {
      expect(JSON.stringify([error, String(error), (error as Error).cause])).not.toContain("geheim");
    }
  });
});

describe("values in SQL", () => {
  it("cannot end the text they stand in", () => {
    expect(literal(`'; DROP TABLE x; -- \\ "ä`)).toBe(`'\\'; DROP TABLE x; -- \\\\ "ä'`);
  });

  it("are put in once, and are not looked at again", () => {
    expect(fill("a = :a AND b = :b", { a: ":b $& $1", b: 1 })).toBe("a = ':b $& $1' AND b = 1");
    expect(() => fill("a = :a", {})).toThrow(":a");
  });

  it("that are no number are refused", () => {
    expect(() => literal(Number.NaN)).toThrow("NaN");
  });

  it("side by side name their columns once", () => {
    expect(
      rowsOf([
        { a: 1, b: null },
        { a: "x", b: true },
      ]).text,
    ).toBe("SELECT 1 AS a, NULL AS b UNION ALL SELECT 'x', 1");
  });
});
