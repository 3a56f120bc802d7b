import { expect, it } from "vitest";
import { runDcs } from "../support/cli.ts";

const TABLE = ["--table", "orders:tenant"] as const;
const SHARD = ["--shard", "a=mysql://dcs@127.0.0.1:1/shop"] as const;

it("refuses bad input of shard init, add and uninstall before it connects to anything", async () => {
  const cases: readonly [args: readonly string[], code: string, exit: number, words: string][] = [
    [["init"], "USAGE", 2, "keyspace"],
    [["init", "shop", ...SHARD], "USAGE", 2, "--table"],
    [["init", "shop", ...TABLE], "USAGE", 2, "--shard"],
    [["init", "shop", "--table", "orders", ...SHARD], "USAGE", 2, "NAME:KEYCOLUMN"],
    [["init", "shop", "--table", ":k", ...SHARD], "USAGE", 2, "NAME:KEYCOLUMN"],
    [["init", "shop", ...TABLE, "--shard", "mysql://dcs:geheim@db/shop"], "USAGE", 2, "NAME=mysql://"],
    [["init", "shop", ...TABLE, "--shard", "a b=mysql://dcs@db/shop"], "USAGE", 2, "NAME=mysql://"],
    [["init", "shop", ...TABLE, "--shard", "a=mysql://dcs:geheim@db"], "URL_INVALID", 2, "names no database"],
    [["init", "shop", ...TABLE, "--shard", "a=redis://db"], "URL_INVALID", 2, "mysql://"],
    [["init", "shop", ...TABLE, ...SHARD, "--buckets", "1"], "USAGE", 2, "from 2 to 65536"],
    [["init", "shop", ...TABLE, ...SHARD, "--buckets", "100"], "SHARD_KEYSPACE_INVALID", 2, "a power of two"],
    [["init", "my shop", ...TABLE, ...SHARD], "SHARD_KEYSPACE_INVALID", 2, "my shop"],
    [["init", "shop", ...TABLE, ...TABLE, ...SHARD], "SHARD_KEYSPACE_INVALID", 2, "named twice"],
    [["init", "shop", ...TABLE, ...SHARD, ...SHARD], "SHARD_KEYSPACE_INVALID", 2, "named twice"],
    [
      ["init", "shop", ...TABLE, "--shard", `a=mysql://dcs:\${NO_SUCH}@db/shop`],
      "URL_INVALID",
      2,
      "NO_SUCH is not set",
    ],
    [["init", "shop", ...TABLE, ...SHARD], "SHARD_UNREACHABLE", 5, "shard a (mysql://dcs@127.0.0.1:1/shop)"],
    [["add"], "USAGE", 2, "shard"],
    [["add", "c"], "USAGE", 2, "NAME=mysql://"],
    [["add", "c=mysql://dcs@db/shop", "--weight", "0"], "USAGE", 2, "above 0"],
    [["add", "c=mysql://dcs@db/shop"], "SHARD_KEYSPACE_UNKNOWN", 6, "no keyspace"],
    [["add", "c=mysql://dcs@db/shop", "--keyspace", "nix"], "SHARD_KEYSPACE_UNKNOWN", 6, "nix"],
    [["uninstall", "--yes"], "SHARD_KEYSPACE_UNKNOWN", 6, "no keyspace"],
    [["uninstall", ...SHARD, "--yes"], "USAGE", 2, "--keyspace"],
    [["uninstall", "--plan", "/nowhere"], "FILE_INVALID", 2, "--plan"],
  ];
  await Promise.all(
    cases.map(async ([args, code, exit, words]) => {
      const run = await runDcs(["shard", ...args, "--json", "--timeout", "5s"], { timeout: 60_000 });
      const { error } = run.json() as { error: { code: string } };
      expect([args, run.code, error.code]).toEqual([args, exit, code]);
      expect(run.stdout.toLowerCase()).toContain(words.toLowerCase());
      expect(`${run.stdout}${run.stderr}`).not.toContain("geheim");
    }),
  );
});
