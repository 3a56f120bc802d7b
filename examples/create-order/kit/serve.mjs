import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { parseArgs } from "node:util";
import { EffectLog } from "./effect-log.mjs";
import { Faults, omit } from "./faults.mjs";

/** What a handler throws when it will not do it: certainly no effect, and the key stays free. */
export class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/**
 * A small service that keeps the contract of `Idempotency-Key`: one key, one effect, one answer. The same key again gets the
 * answer that is kept; with another request, 422; while the first is under way, 409.
 *
 * A route with `read` only looks. One with `apply` checks and returns `{ status, effect, answer }` in one go, without waiting
 * for anything, so that between its look at the state and the record of the effect there is nobody else.
 *
 * @param {{ routes: { method: string, path: string, read?: Function, apply?: Function }[], onRecord: (record: any) => void }} service
 */
export function serve({ routes, onRecord }) {
  const { values } = parseArgs({
    options: { port: { type: "string", default: "0" }, data: { type: "string" } },
  });
  const service = new Service(routes, new EffectLog(values.data, onRecord));
  service.listen(Number(values.port), (port) => console.log(`listening on http://127.0.0.1:${port}`));
  for (const signal of ["SIGTERM", "SIGINT"]) process.once(signal, () => service.close());
}

class Service {
  #routes;
  #log;
  #faults = new Faults();
  /** Keys whose effect may still come, with the request they came with. */
  #inFlight = new Map();
  /** How often each key was asked for. */
  #asked = new Map();
  /** Connections that get no answer. */
  #stalled = new Set();
  #closed = false;
  #server;

  constructor(routes, log) {
    this.#routes = routes.map((route) => ({
      ...route,
      pattern: new RegExp(`^${route.path.replace(/:(\w+)/g, "(?<$1>[^/]+)")}$`),
    }));
    this.#log = log;
    this.#server = createServer((request, response) => {
      this.#handle(request, response).catch((error) => this.#send(response, 500, { error: String(error) }));
    });
    // A caller's pool must not meet a connection that we have just closed for being idle.
    this.#server.keepAliveTimeout = 60_000;
  }

  listen(port, onListening) {
    this.#server.once("error", ({ code, message }) => {
      const why = code === "EADDRINUSE" ? `another process listens on 127.0.0.1:${port} already` : message;
      console.error(`cannot listen: ${why}`);
      process.exit(1);
    });
    this.#server.listen(port, "127.0.0.1", () => onListening(this.#server.address().port));
  }

  close() {
    this.#closed = true;
    this.#server.close(() => this.#log.close());
    this.#server.closeAllConnections();
  }

  async #handle(request, response) {
    const text = await read(request);
    const { method } = request;
    const path = new URL(request.url, "http://localhost").pathname;
    if (path === "/healthz") return this.#send(response, 200, { ok: true });
    if (path === "/effects" && method === "GET") return this.#send(response, 200, this.#effects());
    if (path === "/faults") return this.#handleFaults(method, text, response);
    const route = this.#routes.find((each) => each.method === method && each.pattern.test(path));
    if (route === undefined) return this.#send(response, 404, { error: `there is no ${method} ${path}` });
    const params = { ...route.pattern.exec(path).groups };
    const fault = this.#faults.take(method, path);
    if (route.read !== undefined) return this.#read(() => route.read(params), fault, response);
    const body = parse(text);
    const key = request.headers["idempotency-key"];
    if (body === undefined) return this.#send(response, 400, { error: "the body is not JSON" });
    if (key === undefined || key === "")
      return this.#send(response, 400, { error: "Idempotency-Key is missing" });
    const asked = createHash("sha256")
      .update(`${method} ${path}\n${JSON.stringify(body)}`)
      .digest("hex");
    this.#asked.set(key, (this.#asked.get(key) ?? 0) + 1);
    await this.#effect({ key, asked, apply: () => route.apply({ ...params, key, body }) }, fault, response);
  }

  async #effect({ key, asked, apply }, fault, response) {
    const before = this.#log.find(key);
    if ((before?.asked ?? this.#inFlight.get(key) ?? asked) !== asked)
      return this.#send(response, 422, { error: "this key was used for another request" });
    if (this.#inFlight.has(key)) return this.#send(response, 409, { error: "under way", key });
    const what = fault?.do ?? "";
    // What took effect cannot have failed: the answer that is kept stands.
    if (before === undefined && what === "fail")
      return this.#send(response, fault.status ?? 402, { error: "refused, as it was told to" });
    if (what === "slow" || what === "stall") this.#inFlight.set(key, asked);
    const misbehaves = ["error", "busy", "stall", "reset", "crash"].includes(what);
    if (misbehaves) return this.#misbehave(what, fault, response, () => this.#inFlight.delete(key));
    if (what === "slow") {
      await new Promise((resolve) => setTimeout(resolve, fault.ms));
      this.#inFlight.delete(key);
    }
    const { status, answer } = before ?? this.#apply(key, asked, apply);
    const applied = answer.error === undefined && what.startsWith("apply-then-");
    if (applied) return this.#misbehave(what.slice("apply-then-".length), fault, response);
    this.#send(response, status, answer);
  }

  #apply(key, asked, apply) {
    try {
      const { status, effect, answer } = apply();
      return this.#log.append({ ...effect, key, at: new Date().toISOString(), asked, status, answer });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return { status: error.status, answer: { error: error.message } };
    }
  }

  #read(look, fault, response) {
    const what = (fault?.do ?? "").replace("apply-then-", "");
    if (what === "fail") return this.#send(response, fault.status ?? 404, { error: "as it was told to" });
    if (what !== "" && what !== "slow") return this.#misbehave(what, fault, response);
    setTimeout(
      () => {
        try {
          const { key, ...answer } = look();
          // Neither yes nor no while it is under way.
          if (key !== undefined && this.#inFlight.has(key))
            this.#send(response, 409, { error: "under way", key });
          else if (answer.status === undefined) this.#send(response, 404, { error: "there is none" });
          else this.#send(response, answer.status, answer.answer);
        } catch (error) {
          this.#send(response, 500, { error: String(error) });
        }
      },
      what === "slow" ? fault.ms : 0,
    );
  }

  #misbehave(what, fault, response, onGone = () => {}) {
    if (what === "crash") process.kill(process.pid, "SIGKILL");
    else if (what === "reset") response.socket?.resetAndDestroy();
    else if (what === "stall") {
      this.#stalled.add(response);
      response.once("close", () => {
        this.#stalled.delete(response);
        onGone();
      });
    } else {
      const status = fault.status ?? (what === "busy" ? 409 : 500);
      this.#send(response, status, { error: "as it was told to" });
    }
  }

  #handleFaults(method, text, response) {
    if (method === "GET") return this.#send(response, 200, { faults: this.#faults.waiting });
    if (method === "DELETE") {
      this.#faults.clear();
      for (const stalled of this.#stalled) stalled.destroy();
      return this.#send(response, 200, { faults: [] });
    }
    if (method !== "POST") return this.#send(response, 405, { error: "GET, POST or DELETE" });
    const fault = parse(text);
    if (fault?.do === "refuse-connection") {
      const ms = fault.ms ?? 1000;
      response.once("close", () => this.#refuseConnections(ms));
      response.setHeader("connection", "close");
      return this.#send(response, 200, { refusesFor: ms });
    }
    const wrong = this.#faults.add(fault);
    if (wrong !== null) return this.#send(response, 400, { error: wrong });
    this.#send(response, 200, { faults: this.#faults.waiting });
  }

  #refuseConnections(ms) {
    const { port } = this.#server.address();
    this.#server.close(() =>
      setTimeout(() => {
        if (!this.#closed) this.#server.listen(port, "127.0.0.1");
      }, ms),
    );
    this.#server.closeAllConnections();
  }

  /** Everything that took effect, in order. `asked` beside `applied` shows what was sent again. */
  #effects() {
    const effects = this.#log.records.map((record) => omit(record, ["asked", "status", "answer"]));
    const keys = {};
    for (const [key, asked] of this.#asked) keys[key] = { applied: 0, asked };
    const counts = {};
    for (const { key, kind } of effects) {
      keys[key] = { asked: 0, ...keys[key], applied: (keys[key]?.applied ?? 0) + 1 };
      counts[kind] = (counts[kind] ?? 0) + 1;
    }
    return { counts, effects, keys };
  }

  #send(response, status, answer) {
    if (response.headersSent || response.destroyed) return;
    response.writeHead(status, { "content-type": "application/json" });
    response.end(`${JSON.stringify(answer)}\n`);
  }
}

async function read(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

/** Undefined where it is no JSON; null where there is nothing. */
function parse(text) {
  if (text === "") return null;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
