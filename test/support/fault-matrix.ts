import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { runDcs } from "./cli.ts";
import { expectWithin } from "./expect-within.ts";
import { sandbox } from "./start-dcs.ts";

/** What --timeout says, ms, and what starting the processes of a row, settling and ending may cost beyond. */
const TIMEOUT_MS = 2000;
const MARGIN_MS = 5000;

/** How long a lock of the matrix may be left behind by a dcs that could not reach the server any more. */
export const TTL_MS = 2000;

const COMMANDS = {
  acquire: ["lock", "acquire", "m", "--ttl", `${TTL_MS}ms`],
  guarded: ["lock", "acquire", "m", "--ttl", `${TTL_MS}ms`, "--", "touch", "ran"],
  ls: ["lock", "ls"],
  services: ["services"],
  register: ["register", "web", "--endpoint", "10.0.0.1:80"],
} as const satisfies Record<string, readonly string[]>;

export type MatrixCommand = keyof typeof COMMANDS;

/** What is said is made in one place, so two commands will do for it. */
const FOR_PEOPLE: ReadonlySet<MatrixCommand> = new Set(["acquire", "guarded"]);

export interface Expected {
  readonly exit: number;
  readonly code: string;
  /** What the message says. */
  readonly says: RegExp;
}

export interface Row {
  /** `--store URL` or `--locks URL`. */
  readonly where: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Must not be shown. */
  readonly secret?: string;
}

/** Runs the commands at once, as scripts call them and some as people do: each fails as documented, once, in time. */
export async function fails(row: Row, commands: readonly MatrixCommand[], expected: Expected): Promise<void> {
  await Promise.all([
    ...commands.filter((name) => name !== "guarded").map((name) => failsForScripts(row, name, expected)),
    ...commands.filter((name) => FOR_PEOPLE.has(name)).map((name) => failsForPeople(row, name, expected)),
  ]);
}

/** Runs the commands, which the fault leaves alone. */
export async function succeeds(row: Row, commands: readonly MatrixCommand[]): Promise<void> {
  for (const name of commands) {
    const { code, stdout, took } = await run(row, name, ["--json"]);
    expect({ name, code, ok: JSON.parse(stdout).ok }).toEqual({ name, code: 0, ok: true });
    expectWithin(took, TIMEOUT_MS + MARGIN_MS, name);
  }
}

async function failsForScripts(row: Row, name: MatrixCommand, expected: Expected): Promise<void> {
  const { code, stdout, stderr, took } = await run(row, name, ["--json"]);
  expect({ name, code, stderr, lines: stdout.trimEnd().split("\n").length }).toEqual({
    name,
    code: expected.exit,
    stderr: "",
    lines: 1,
  });
  expect(JSON.parse(stdout)).toMatchObject({
    schema: "dcs.error/1",
    ok: false,
    error: {
      code: expected.code,
      message: expect.stringMatching(expected.says),
      hint: expect.stringMatching(/./),
    },
  });
  expectWithin(took, TIMEOUT_MS + MARGIN_MS, name);
}

async function failsForPeople(row: Row, name: MatrixCommand, expected: Expected): Promise<void> {
  const { code, stdout, stderr, took, ran } = await run(row, name, []);
  expect({ name, code, stdout, ran }).toEqual({ name, code: expected.exit, stdout: "", ran: false });
  const [error, hint, ...more] = stderr.trimEnd().split("\n");
  expect(error).toMatch(new RegExp(`^error ${expected.code}: .*(?:${expected.says.source})`));
  expect(hint).toMatch(/^ {2}try: \S/);
  expect(more).toEqual([]);
  expectWithin(took, TIMEOUT_MS + MARGIN_MS, name);
}

async function run(row: Row, name: MatrixCommand, flags: readonly string[]) {
  using box = sandbox();
  const words: readonly string[] = COMMANDS[name];
  const end = words.includes("--") ? words.indexOf("--") : words.length;
  const args = words.toSpliced(end, 0, ...row.where, "--timeout", `${TIMEOUT_MS}ms`, ...flags);
  const started = performance.now();
  const { code, stdout, stderr } = await runDcs(args, { cwd: box.dir, env: { ...box.env, ...row.env } });
  const took = performance.now() - started;
  if (row.secret !== undefined) expect(stdout + stderr).not.toContain(row.secret);
  return { code, stdout, stderr, took, ran: existsSync(join(box.dir, "ran")) };
}
