import type autocannon from "autocannon";
import type { Tracker } from "autocannon";
import type { HttpRequestSpec } from "../bench-plan.ts";
import { StatusTable } from "../drive/status-table.ts";
import { type AutocannonClient, countClient } from "./autocannon-client.ts";
import { type Load, type LoadWindow, reached } from "./load.ts";
import { msUntil, now } from "./now.ts";
import type { Ended, Recorder } from "./recorder.ts";

export interface AutocannonOptions {
  readonly url: string;
  readonly request: HttpRequestSpec;
  readonly recorder: Recorder;
  /** 1 s at least. */
  readonly timeoutMs: number;
  readonly lanes: number;
  readonly amount: number | null;
}

/** autocannon looks so often whether it is to end. */
const LOOK_MS = 20;
/** We end it. */
const ENDLESS_S = 1_000_000;

/**
 * Max mode over HTTP/1.1: autocannon sends, we count. Its own numbers are not used: it counts whole milliseconds, and not what
 * was lost. It never looks at certificates; who starts it has.
 */
export class AutocannonLoad implements Load {
  readonly #autocannon: typeof autocannon;
  readonly #o: AutocannonOptions;
  readonly #clients: { readonly client: AutocannonClient; readonly settle: () => Ended | null }[] = [];
  readonly #ended = Promise.withResolvers<void>();
  #window: LoadWindow = { beginMs: 0, measureMs: 0, endMs: null };
  #left: number;
  #tracker: Tracker | null = null;
  #isSending = true;

  private constructor(send: typeof autocannon, options: AutocannonOptions) {
    this.#autocannon = send;
    this.#o = options;
    this.#left = options.amount ?? Number.POSITIVE_INFINITY;
  }

  /** Loads autocannon, which takes too long for a load that has begun. */
  static async open(options: AutocannonOptions): Promise<AutocannonLoad> {
    const { default: send } = await import("autocannon");
    return new AutocannonLoad(send, options);
  }

  async run(window: LoadWindow): Promise<void> {
    this.#window = window;
    this.#o.recorder.measureMs = window.measureMs;
    const { url, request, lanes, timeoutMs } = this.#o;
    await reached(window.beginMs, now);
    if (!this.#isSending) return;
    const ending = window.endMs === null ? null : setTimeout(() => this.finish(), msUntil(window.endMs));
    this.#tracker = this.#autocannon(
      {
        url,
        method: request.method,
        headers: Object.fromEntries(request.headers),
        ...(request.body === null ? {} : { body: Buffer.from(request.body) }),
        connections: lanes,
        duration: ENDLESS_S,
        timeout: timeoutMs / 1000,
        sampleInt: LOOK_MS,
        skipAggregateResult: true,
        setupClient: (client) => this.#setUp(client as AutocannonClient),
      },
      (error) => {
        if (error) this.#ended.reject(error);
        else this.#ended.resolve();
      },
    );
    await this.#ended.promise;
    clearTimeout(ending ?? undefined);
  }

  finish(): void {
    if (!this.#isSending) return;
    this.#isSending = false;
    // A client that has made as many requests as it may ends after the next answer.
    for (const { client } of this.#clients) client.responseMax = Math.max(1, client.reqsMade);
  }

  stop(): void {
    this.finish();
    const at = now();
    for (const { settle } of this.#clients) {
      const ended = settle();
      if (ended !== null) this.#o.recorder.unfinished(ended, at);
    }
    this.#tracker?.stop();
  }

  #setUp(client: AutocannonClient): void {
    const { recorder, request, timeoutMs } = this.#o;
    const okStatuses = new StatusTable(request.okStatuses);
    const settle = countClient(client, {
      recorder,
      okStatuses,
      timeoutMs,
      onRequest: (atMs) => this.#onRequest(atMs),
    });
    this.#clients.push({ client, settle });
  }

  #onRequest(atMs: number): boolean {
    if (atMs < this.#window.measureMs || this.#left <= 0) return false;
    this.#o.recorder.sentAtOnce();
    this.#left -= 1;
    if (this.#left <= 0) this.finish();
    return true;
  }
}
