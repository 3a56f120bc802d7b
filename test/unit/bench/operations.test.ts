import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseEtcdOperation } from "../../../src/core/bench/drive/etcd-operation.ts";
import { parseRedisOperation } from "../../../src/core/bench/drive/redis-operation.ts";
import { numbering, template } from "../../../src/core/bench/drive/request-numbers.ts";
import { sizeOf } from "../../../src/core/bench/drive/size-of.ts";
import { splitWords } from "../../../src/core/bench/drive/split-words.ts";
import { parseSqlOperation } from "../../../src/core/bench/drive/sql-operation.ts";
import { isDcsError } from "../../../src/core/errors.ts";
import { shellQuote } from "../../../src/core/util/shell-quote.ts";

const NUMBERS = { n: 7, r: 99 };

/** What a call throws, in words; it must be USAGE and name the flag. */
function refusal(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (isDcsError(error, "USAGE") && error.details["flag"] === "--op") return error.message;
    throw error;
  }
  throw new Error("not refused");
}

describe("words", () => {
  it("are split as a shell splits them", () => {
    expect(splitWords(String.raw`  SET 'a b' "c \"d\" \e" f\ g h'i'"j"  `)).toEqual([
      "SET",
      "a b",
      String.raw`c "d" \e`,
      "f g",
      "hij",
    ]);
    expect(splitWords("GET ''")).toEqual(["GET", ""]);
    expect(splitWords(" \n\t")).toEqual([]);
  });

  it("come back from what shellQuote makes of them", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "binary" })), (words) => {
        expect(splitWords(words.map((word) => (word === "" ? "''" : shellQuote(word))).join(" "))).toEqual(
          words,
        );
      }),
    );
  });

  it("must end", () => {
    expect(refusal(() => splitWords("GET 'a"))).toBe(`--op "GET 'a": the ' has no end`);
    expect(refusal(() => splitWords('GET "a\\"'))).toContain('the " has no end');
    expect(refusal(() => splitWords("GET a\\"))).toContain("stands before nothing");
  });
});

describe("numbers of requests", () => {
  it("stand where {n} and {r} stand, and nothing else is touched", () => {
    expect(template("{n}:{r}:{n} {user}{N}{{n}}")(NUMBERS)).toBe("7:99:7 {user}{N}{7}");
    expect(template("plain")(NUMBERS)).toBe("plain");
  });

  it("are no other worker's", () => {
    const workers = [0, 1, 2].map((worker) => numbering({ worker, workers: 3 }));
    const seen = Array.from({ length: 5 }, () => workers.map((next) => next().n)).flat();
    expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 15 }, (_, i) => i));
  });

  it("are of 32 bits", () => {
    const next = numbering({ worker: 0, workers: 1, random: () => 1 - 2 ** -53 });
    expect(next().r).toBe(2 ** 32 - 1);
  });
});

describe("an operation of Redis", () => {
  const words = (text: string | null) => parseRedisOperation(text)(NUMBERS);

  it("is PING, or the words given", () => {
    expect(words(null)).toEqual(["PING"]);
    expect(words("set 'k {n}' v{r} EX 5")).toEqual(["set", "k 7", "v99", "EX", "5"]);
    expect(words("CONFIG GET maxmemory")).toEqual(["CONFIG", "GET", "maxmemory"]);
    expect(words("XREAD COUNT 1 STREAMS s 0")).toHaveLength(6);
  });

  it.each([
    ["flushall", "deletes everything"],
    ["FLUSHDB ASYNC", "deletes everything"],
    ["SHUTDOWN NOSAVE", "stops or stalls"],
    ["debug sleep 5", "stops or stalls"],
    ["Subscribe news", "answers otherwise"],
    ["MONITOR", "answers otherwise"],
    ["MULTI", "answers otherwise"],
    ["SELECT 3", "answers otherwise"],
    ["BLPOP list 0", "waits"],
    ["XREAD block 0 STREAMS s $", "waits"],
    ["CONFIG set maxmemory 1", "changes the server"],
    ["script flush", "others loaded"],
    ["client pause 1000", "other clients"],
    ["", "names no command"],
    ["'' a", "names no command"],
    ["GET{n} a", "the same each time"],
  ])("is not %s", (text, why) => {
    expect(refusal(() => words(text))).toContain(why);
  });
});

describe("an operation of etcd", () => {
  const operation = (text: string | null) => parseEtcdOperation(text)(NUMBERS);

  it("is a get, a put or a range", () => {
    expect(operation(null)).toEqual({ verb: "get", key: "dcs-bench/probe" });
    expect(operation("put k{n} 'v {r}'")).toEqual({ verb: "put", key: "k7", value: "v 99" });
    expect(operation("put k ''")).toEqual({ verb: "put", key: "k", value: "" });
    expect(operation("range ''")).toEqual({ verb: "range", key: "" });
  });

  it.each(["", "del k", "GET k", "get", "get ''", "get a b", "put k", "put k v w", "range", "range a b"])(
    "is not %j",
    (text) => {
      expect(refusal(() => operation(text))).toContain(JSON.stringify(text));
    },
  );
});

describe("a statement", () => {
  const sql = (text: string | null) => parseSqlOperation(text)(NUMBERS);

  it("is SELECT 1, or the one given", () => {
    expect(sql(null)).toBe("SELECT 1");
    expect(sql("insert into t values ({n}, '{r};?')")).toBe("insert into t values (7, '99;?')");
    expect(sql("/* a */ -- b\n# c\n (SELECT 1);")).toContain("(SELECT 1)");
    expect(sql("SELECT 1; -- the end")).toContain("SELECT 1");
  });

  it.each([
    ["DROP TABLE t", "DROP"],
    ["truncate t", "TRUNCATE"],
    ["ALTER TABLE t ADD c INT", "ALTER"],
    ["GRANT ALL ON *.* TO x", "GRANT"],
    ["SET GLOBAL x = 1", "SET"],
    ["BEGIN", "BEGIN"],
    ["/* SELECT */ DROP TABLE t", "DROP"],
    ["/*! DROP TABLE t */", "this is not"],
    ["/*M! DROP TABLE t */", "this is not"],
    ["/*!50000 DROP TABLE t */ SELECT 1", "this is not"],
    ["", "this is not"],
    ["SELECT 1; DROP TABLE t", "second statement"],
    ["SELECT 1;; SELECT 2", "second statement"],
    ["SELECT ?", "1 ?"],
  ])("is not %s", (text, why) => {
    expect(refusal(() => sql(text))).toContain(why);
  });
});

describe("the size of an answer", () => {
  it("is that of what it says", () => {
    expect(sizeOf(["ä", 12, null, [Buffer.from("abc"), { a: "x", b: 10n }], undefined, true])).toBe(
      2 + 2 + 3 + 1 + 2,
    );
  });
});
