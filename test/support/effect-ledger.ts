import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { LedgerFate, LedgerFates } from "./ledger-fates.ts";

/** What the steps of a random saga send: see `randomSaga`. */
interface Asked {
  /** Which business case it is: the same in every replay, unlike the id of a run. */
  readonly id: string;
  /** Keys of the actions that had to be done before. */
  readonly after?: readonly string[];
  /** Nothing undoes it. */
  readonly kept?: boolean;
  /** Of a compensation: the key of what it undoes. */
  readonly action?: string;
  readonly nullSafe?: boolean;
}

export interface LedgerEffect extends Asked {
  readonly key: string;
  readonly step: string;
  readonly direction: "do" | "undo";
}

/**
 * `reused` one key for two requests; `double` an action that stands already; `order` an action before what it needs;
 * `undo-order` undone before what came after it; `undo-of-nothing` where that is not allowed; `early` undone while the
 * action may still arrive (a busy machine can make it so: times are real); `resent` an action after it was undone.
 */
export interface Violation {
  readonly kind: "reused" | "double" | "order" | "undo-order" | "undo-of-nothing" | "early" | "resent";
  readonly id: string;
  readonly step: string;
  readonly key: string;
}

/** After how long the effect comes behind a 409, or behind a caller that has gone, ms. */
const BUSY_MS = 20;

/**
 * Services for bulk tests, in this process: `POST /do/STEP`, `POST /undo/STEP`, `GET /probe/STEP/KEY?id=ID`. They keep the
 * promise of keys and nothing else: what a saga asks for at the wrong time they do, and note as a violation.
 */
export class EffectLedger implements AsyncDisposable {
  readonly effects: LedgerEffect[] = [];
  readonly violations: Violation[] = [];
  fates: LedgerFates;
  readonly #lateMs: number;
  readonly #server: Server;
  readonly #byKey = new Map<string, LedgerEffect>();
  readonly #byId = new Map<string, LedgerEffect[]>();
  readonly #asked = new Map<string, { readonly text: string; count: number }>();
  readonly #probes = new Map<string, number>();
  readonly #coming = new Map<string, NodeJS.Timeout>();
  /** Keys of actions that were undone, had they taken effect or not. */
  readonly #undone = new Set<string>();

  private constructor(fates: LedgerFates, lateMs: number) {
    this.fates = fates;
    this.#lateMs = lateMs;
    this.#server = createServer((request, response) => void this.#handle(request, response));
    this.#server.keepAliveTimeout = 60_000;
  }

  /** `lateMs`: how long after its request a late effect comes at the latest; more than the caller's timeout. */
  static async start(fates: LedgerFates = () => "ok", lateMs = 450): Promise<EffectLedger> {
    const ledger = new EffectLedger(fates, lateMs);
    await new Promise<void>((resolve) => ledger.#server.listen(0, "127.0.0.1", 4096, resolve));
    return ledger;
  }

  get url(): string {
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
  }

  /** Effects that are still to come by themselves. */
  get coming(): number {
    return this.#coming.size;
  }

  /** What took effect for a case, in order. */
  effectsOf(id: string): readonly LedgerEffect[] {
    return this.#byId.get(id) ?? [];
  }

  /** How often a key was asked for, probes not counted. */
  asked(key: string): number {
    return this.#asked.get(key)?.count ?? 0;
  }

  /** Steps of a case whose effect is there and not undone, once for each time: the net effect. */
  standing(id: string): readonly string[] {
    return this.#standing(id)
      .map(({ step }) => step)
      .sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#coming.values()) clearTimeout(timer);
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://localhost");
    const [, verb = "", step = "", probed = ""] = url.pathname.split("/");
    const text = await read(request).catch(() => null);
    if (text === null) return;
    if (verb === "probe") return this.#probe(step, probed, url.searchParams.get("id") ?? "", response);
    const key = String(request.headers["idempotency-key"] ?? "");
    if ((verb !== "do" && verb !== "undo") || key === "")
      return send(response, 400, { error: "no such call" });
    const effect: LedgerEffect = { ...(JSON.parse(text) as Asked), key, step, direction: verb };
    const asked = this.#asked.get(key) ?? { text, count: 0 };
    this.#asked.set(key, { text: asked.text, count: asked.count + 1 });
    if (asked.text !== text) {
      this.#note("reused", effect);
      return send(response, 422, { error: "this key was used for another request" });
    }
    if (verb === "do" && this.#undone.has(key)) this.#note("resent", effect);
    if (this.#coming.has(key)) return send(response, 409, { error: "under way" });
    const fate = this.fates({ id: effect.id, step, direction: verb, attempt: asked.count + 1 });
    this.#serve(effect, fate, response);
  }

  #serve(effect: LedgerEffect, fate: LedgerFate, response: ServerResponse): void {
    const { key } = effect;
    const wasThere = this.#byKey.has(key);
    if (fate === "late" || fate === "busy") {
      const waitMs = fate === "late" ? this.#lateMs : BUSY_MS;
      const come = () => {
        this.#coming.delete(key);
        const isThere = this.#apply(effect);
        if (fate === "late") answer(response, isThere, effect);
      };
      this.#coming.set(key, setTimeout(come, waitMs));
      // However late the request came: soon after its caller has given up, thus within its settle.
      response.once("close", () => {
        if (fate !== "late" || !this.#coming.has(key)) return;
        clearTimeout(this.#coming.get(key));
        this.#coming.set(key, setTimeout(come, BUSY_MS));
      });
      if (fate === "busy") send(response, 409, { error: "under way" });
    } else if (fate === "fail" && !wasThere) send(response, 402, { error: "refused" });
    else if (fate === "reset") response.socket?.resetAndDestroy();
    else if (fate !== "stall") {
      const isThere = this.#apply(effect);
      if (fate === "applied-reset") response.socket?.resetAndDestroy();
      else if (fate === "applied-500") send(response, 500, { error: "something broke" });
      else if (fate !== "applied-stall") answer(response, isThere, effect);
    }
  }

  #probe(step: string, key: string, id: string, response: ServerResponse): void {
    const attempt = (this.#probes.get(key) ?? 0) + 1;
    this.#probes.set(key, attempt);
    const fate = this.fates({ id, step, direction: "probe", attempt });
    if (fate.endsWith("reset")) response.socket?.resetAndDestroy();
    else if (fate === "applied-500") send(response, 500, { error: "something broke" });
    else if (fate.endsWith("stall")) return;
    else if (this.#coming.has(key)) send(response, 409, { error: "under way" });
    else if (this.#byKey.has(key)) send(response, 200, { key, step });
    else send(response, 404, { error: "there is none" });
  }

  /** False where it was undone before it came: then it has no effect. */
  #apply(effect: LedgerEffect): boolean {
    const { key, direction } = effect;
    if (this.#byKey.has(key)) return true;
    if (direction === "do" && this.#undone.has(key)) return false;
    const kind = direction === "do" ? this.#checkDo(effect) : this.#checkUndo(effect);
    if (kind !== null) this.#note(kind, effect);
    if (direction === "undo") this.#undone.add(effect.action ?? "");
    this.#byKey.set(key, effect);
    this.effects.push(effect);
    this.#byId.set(effect.id, [...this.effectsOf(effect.id), effect]);
    return true;
  }

  #checkDo({ id, step, after = [] }: LedgerEffect): Violation["kind"] | null {
    const standing = this.#standing(id);
    if (standing.some((each) => each.step === step)) return "double";
    return after.every((needed) => standing.some(({ key }) => key === needed)) ? null : "order";
  }

  #checkUndo({ id, action = "", nullSafe }: LedgerEffect): Violation["kind"] | null {
    if (this.#coming.has(action)) return "early";
    if (!this.#byKey.has(action) && nullSafe !== true) return "undo-of-nothing";
    const later = this.#standing(id).some(({ after, kept }) => kept !== true && after?.includes(action));
    return later ? "undo-order" : null;
  }

  #standing(id: string): readonly LedgerEffect[] {
    return this.effectsOf(id).filter(({ key, direction }) => direction === "do" && !this.#undone.has(key));
  }

  #note(kind: Violation["kind"], { id, step, key }: LedgerEffect): void {
    this.violations.push({ kind, id, step, key });
  }
}

function answer(response: ServerResponse, isThere: boolean, { key, step }: LedgerEffect): void {
  if (isThere) send(response, 200, { key, step });
  else send(response, 410, { error: "undone before it came" });
}

function send(response: ServerResponse, status: number, body: object): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

async function read(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) text += chunk;
  return text;
}
