import { readFile } from "node:fs/promises";
import { z } from "zod";
import { DcsError, isDcsError } from "../errors.ts";
import { parseDuration } from "../util/duration.ts";
import { parseCheck } from "./checks/parse-check.ts";
import { type InstanceSpec, instanceId, MAX_WEIGHT } from "./instance.ts";
import { brokenEndpointRule, brokenLabelRule, brokenNameRule } from "./names.ts";

/** One instance of a file; what the file leaves open is null, so that flags can fill it. */
export interface FileInstance {
  readonly spec: InstanceSpec;
  /** As it was written: `http:/healthz`. */
  readonly check: string | null;
}

export interface InstancesFile {
  readonly ttlMs: number | null;
  readonly instances: readonly FileInstance[];
}

/** What stands in for what an instance of the file does not say. */
export interface InstanceDefaults {
  readonly service: string | null;
  readonly weight: number;
  readonly version: string | null;
  readonly zone: string | null;
  readonly tags: readonly string[];
  readonly check: string | null;
}

/** Where in a file something is, from 1. */
interface Position {
  readonly line: number;
  readonly column: number;
}

interface Problem {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

const LABEL = z.string().check(({ value, issues }) => {
  const message = brokenLabelRule(value);
  if (message !== null) issues.push({ code: "custom", message, input: value });
});

const INSTANCE = z.strictObject({
  service: z.string().optional(),
  endpoint: z.string(),
  weight: z.int().min(0).max(MAX_WEIGHT).optional(),
  version: LABEL.optional(),
  zone: LABEL.optional(),
  tags: z.array(LABEL).optional(),
  check: z.string().optional(),
});

const FILE = z.strictObject({
  ttl: z.string().optional(),
  instances: z.array(INSTANCE).min(1),
});

type Shape = z.infer<typeof FILE>;

const MAX_PROBLEMS = 5;

/**
 * Reads the instances of a `.json` or YAML file: `{ttl?, instances: [{service, endpoint, weight?, …}]}`, or the list
 * alone. FILE_INVALID with file, line and column for the first problems; two instances of one service at one endpoint
 * are refused.
 */
export async function readInstancesFile(path: string, defaults: InstanceDefaults): Promise<InstancesFile> {
  const text = await readText(path);
  const json = path.endsWith(".json");
  const document = json ? parseJson(path, text) : await parseYaml(path, text);
  const listed = Array.isArray(document);
  const parsed = FILE.safeParse(listed ? { instances: document } : document);
  const problems = parsed.success ? [] : parsed.error.issues.map(toProblem);
  const result = parsed.success ? toInstances(parsed.data, defaults, problems) : null;
  if (result === null || problems.length > 0) throw await invalid(path, text, problems, listed);
  return result;
}

async function readText(path: string): Promise<string> {
  try {
    const text = await readFile(path, "utf8");
    // The mark that some editors put before UTF-8.
    return text.startsWith("\ufeff") ? text.slice(1) : text;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    throw new DcsError("FILE_INVALID", `${path} cannot be read: ${code}`, {
      cause: error,
      hint: "check the path and its mode",
      details: { file: path, code },
    });
  }
}

function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const what = message.replace(/ in JSON at position.*$|, (?:\.\.\.)?".*$/s, "");
    throw located(path, jsonPosition(message, text), `this is not JSON: ${what}`);
  }
}

/** V8 gives the place of some errors as line and column, of others as the ten characters before and after it. */
function jsonPosition(message: string, text: string): Position {
  const [, line, column] = /\(line (\d+) column (\d+)\)/.exec(message) ?? [];
  if (line !== undefined) return { line: Number(line), column: Number(column) };
  const [, dots, around = ""] = /, (\.\.\.)?"(.*)"(?:\.\.\.)? is not valid JSON$/s.exec(message) ?? [];
  const token = /^Unexpected token '(.)'/su.exec(message)?.[1] ?? "";
  const start = text.indexOf(around);
  const at =
    around === "" || start < 0 ? text.length : start + (dots === undefined ? around.indexOf(token) : 10);
  const before = text.slice(0, at).split("\n");
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

/** js-yaml reads 10,000 instances in 0.1 s where yaml takes 1 s; yaml is used to find places in a file that is wrong. */
async function parseYaml(path: string, text: string): Promise<unknown> {
  const { load, YAMLException } = await import("js-yaml");
  try {
    return load(text);
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    const { mark, reason } = error;
    const at = { line: (mark?.line ?? 0) + 1, column: (mark?.column ?? 0) + 1 };
    throw located(path, at, `this is not YAML: ${reason}`);
  }
}

function toProblem(issue: z.core.$ZodIssue): Problem {
  const path = issue.path.map((part) => (typeof part === "number" ? part : String(part)));
  if (issue.code === "unrecognized_keys") {
    const [key = ""] = issue.keys;
    return { path: [...path, key], message: `unknown key "${key}"` };
  }
  const name = path.at(-1);
  return { path, message: `${typeof name === "string" ? `${name}: ` : ""}${issue.message}` };
}

function toInstances(shape: Shape, defaults: InstanceDefaults, problems: Problem[]): InstancesFile {
  const seen = new Map<string, number>();
  const checks = new Set<string>();
  const instances = shape.instances.map((item, index): FileInstance => {
    const at = (key: string, message: string) => problems.push({ path: ["instances", index, key], message });
    const service = item.service ?? defaults.service;
    if (service === null) at("endpoint", "service is missing, and no NAME was given");
    const badName = service === null ? null : brokenNameRule(service);
    if (badName !== null) at("service", `service ${JSON.stringify(service)}: ${badName}`);
    const badEndpoint = brokenEndpointRule(item.endpoint);
    if (badEndpoint !== null) at("endpoint", `endpoint ${JSON.stringify(item.endpoint)}: ${badEndpoint}`);
    const check = item.check ?? defaults.check;
    if (check !== null && !checks.has(check)) {
      checks.add(check);
      const wrong = problemOf(() => parseCheck(check, "check"));
      if (wrong !== null) at("check", wrong);
    }
    const spec: InstanceSpec = {
      service: service ?? "",
      endpoint: item.endpoint,
      weight: item.weight ?? defaults.weight,
      version: item.version ?? defaults.version,
      zone: item.zone ?? defaults.zone,
      tags: item.tags ?? defaults.tags,
    };
    const id = instanceId(spec);
    const first = seen.get(id);
    if (first === undefined) seen.set(id, index);
    else at("endpoint", `${id} stands twice: it is also instance ${first + 1}`);
    return { spec, check };
  });
  let ttlMs: number | null = null;
  const wrong = problemOf(() => {
    ttlMs = shape.ttl === undefined ? null : parseDuration(shape.ttl, "ttl");
  });
  if (wrong !== null) problems.push({ path: ["ttl"], message: wrong });
  return { ttlMs, instances };
}

function problemOf(parse: () => unknown): string | null {
  try {
    parse();
    return null;
  } catch (error) {
    if (isDcsError(error)) return error.message;
    throw error;
  }
}

async function invalid(
  path: string,
  text: string,
  problems: readonly Problem[],
  listed: boolean,
): Promise<DcsError> {
  const { LineCounter, isNode, isPair, parseDocument, visit } = await import("yaml");
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const found = problems.slice(0, MAX_PROBLEMS).map(({ path: keys, message }) => {
    const inner = listed ? keys.slice(1) : keys;
    return { ...positionOf(inner), message };
  });
  const [first] = found;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : "";
  const at = first ?? { line: 1, column: 1, message: "it holds no instances" };
  return new DcsError("FILE_INVALID", `${path}:${at.line}:${at.column}: ${at.message}${more}`, {
    details: { file: path, line: at.line, column: at.column, problems: found, count: problems.length },
  });

  /** The key of the last part where there is one, else the innermost node on the way. */
  function positionOf(keys: readonly (string | number)[]): Position {
    const parent = document.getIn(keys.slice(0, -1), true);
    const last = keys.at(-1);
    let offset: number | undefined;
    if (isNode(parent)) {
      visit(parent, {
        Pair(_key, pair) {
          if (isPair(pair) && isNode(pair.key) && String(pair.key) === last && offset === undefined) {
            offset = pair.key.range?.[0];
          }
        },
      });
    }
    for (let length = keys.length; offset === undefined && length >= 0; length--) {
      const node = length === 0 ? document.contents : document.getIn(keys.slice(0, length), true);
      if (isNode(node)) offset = node.range?.[0];
    }
    const { line, col } = lines.linePos(offset ?? 0);
    return { line, column: col };
  }
}

function located(path: string, at: Position, message: string): DcsError {
  return new DcsError("FILE_INVALID", `${path}:${at.line}:${at.column}: ${message}`, {
    details: { file: path, line: at.line, column: at.column },
  });
}
