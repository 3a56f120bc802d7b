import { describe, expect, it } from "vitest";
import { wantsColour } from "../../src/cli/colour.ts";
import { ConsoleOutput, type OutputMode, shellQuote } from "../../src/cli/output.ts";
import { displayWidth, layoutTable, printable } from "../../src/cli/text.ts";
import { nearest } from "../../src/core/util/nearest.ts";

describe("text", () => {
  it("counts columns", () => {
    expect(displayWidth("abc")).toBe(3);
    expect(displayWidth("日本")).toBe(4);
    expect(displayWidth("e\u0301")).toBe(1);
    expect(displayWidth("\u001b[31mred\u001b[0m")).toBe(3);
  });

  it("lets no name steer the terminal", () => {
    expect(printable("a\u001b[2Jb\nc\u202e")).toBe("a\\x1b[2Jb\\nc\\u202e");
  });

  it("aligns columns", () => {
    const lines = layoutTable({
      head: ["A", "BB", "C"],
      rows: [
        ["日本", "x", ""],
        ["y", "", "z"],
      ],
    });
    expect(lines).toEqual(["A     BB  C", "日本  x", "y         z"]);
    expect(layoutTable({ head: ["A"], rows: [], empty: "nothing" })).toEqual(["nothing"]);
  });
});

describe("wantsColour", () => {
  const tty = { isTTY: true };
  it.each<[Record<string, string>, { isTTY?: boolean }, boolean]>([
    [{}, tty, true],
    [{}, {}, false],
    [{ NO_COLOR: "1" }, tty, false],
    [{ NO_COLOR: "" }, tty, true],
    [{ NO_COLOR: "1", FORCE_COLOR: "1" }, tty, false],
    [{ FORCE_COLOR: "1" }, {}, true],
    [{ FORCE_COLOR: "0" }, tty, false],
    [{ CLICOLOR_FORCE: "1", TERM: "dumb" }, {}, true],
    [{ CLICOLOR: "0" }, tty, false],
    [{ TERM: "dumb" }, tty, false],
  ])("%j, %j: %s", (env, stream, expected) => expect(wantsColour(stream, env)).toBe(expected));
});

describe("nearest", () => {
  it("finds what was meant and nothing far", () => {
    const words = ["config show", "lock acquire", "lock ls", "services"];
    expect(nearest("confg show", words)).toBe("config show");
    expect(nearest("lock aquire", words)).toBe("lock acquire");
    expect(nearest("serv", words)).toBe("services");
    expect(nearest("zebra", words)).toBeNull();
  });
});

describe("output", () => {
  const written = (mode: OutputMode, quiet = false) => {
    const texts = { out: "", err: "" };
    const stream = (key: "out" | "err") => ({
      write: (text: string) => {
        texts[key] += text;
      },
    });
    const output = new ConsoleOutput(
      { mode, quiet, verbose: false },
      { stdout: stream("out"), stderr: stream("err") },
    );
    return { output, texts };
  };

  it("puts warnings into the envelope and on stderr", () => {
    const { output, texts } = written("json");
    output.warn("W", "redis://u:secret@h");
    output.result("x", { a: 1 }, {});
    expect(JSON.parse(texts.out)).toEqual({
      schema: "dcs.x/1",
      ok: true,
      data: { a: 1 },
      warnings: [{ code: "W", message: "redis://u:***@h" }],
    });
    expect(texts.err).toBe("warning redis://u:***@h\n");
    const quiet = written("table", true);
    quiet.output.warn("W", "x");
    quiet.output.note("y");
    expect(quiet.texts.err).toBe("");
  });

  it("prints what the shell reads back", () => {
    const { output, texts } = written("env");
    output.result("x", {}, { env: () => ({ A: "it's", B: "plain" }) });
    expect(texts.out).toBe(`export A='it'\\''s'\nexport B=plain\n`);
    expect(shellQuote("")).toBe("''");
  });

  it("falls back from wide to table to lines", () => {
    const table = () => ({ head: ["H"], rows: [["r"]] });
    for (const [mode, view, expected] of [
      ["wide", { table }, "H\nr\n"],
      ["name", { names: () => ["n"], table }, "n\n"],
      ["table", { lines: () => ["l"] }, "l\n"],
    ] as const) {
      const { output, texts } = written(mode);
      output.result("x", {}, view);
      expect(texts.out).toBe(expected);
    }
  });

  it("neutralises what others wrote for people, and keeps it exact in JSON", () => {
    const evil = "a\u001b[2J\nb";
    for (const [mode, view] of [
      ["table", { lines: () => [evil] }],
      ["table", { table: () => ({ head: ["H"], rows: [[evil]] }) }],
      ["name", { names: () => [evil] }],
    ] as const) {
      const { output, texts } = written(mode);
      output.result("x", {}, view);
      output.event("e", {}, evil);
      output.note(evil);
      output.warn("W", evil);
      expect(texts.out + texts.err).not.toContain("\u001b");
      expect(texts.out + texts.err).not.toMatch(/^b/m);
    }
    const { output, texts } = written("json");
    output.result("x", { evil }, {});
    expect(JSON.parse(texts.out)).toMatchObject({ data: { evil } });
  });

  it("writes events as lines, or as objects", () => {
    const { output, texts } = written("ndjson");
    output.event("acquired", { name: "n" }, "line");
    expect(JSON.parse(texts.out)).toMatchObject({
      event: "acquired",
      name: "n",
      at: expect.stringMatching(/Z$/),
    });
  });
});
