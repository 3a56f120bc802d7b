import { relative } from "node:path";
import { ServiceClient, type ServiceClientOptions } from "../../traffic/service-client.ts";
import { shortened } from "../../util/shortened.ts";
import type { Action, Step } from "../definition/definition.ts";
import type { Json } from "../definition/expression.ts";
import type { Outcome } from "../engine/event.ts";
import { REDACTED } from "../secrets/redactor.ts";
import type { CallContexts, Caller, CallIdentity, PreparedCall, SendOptions } from "./call.ts";
import { runProgram } from "./exec-call.ts";
import { sendHttp } from "./http-call.ts";
import { callModule } from "./module-call.ts";
import { hashableHttp, renderHttp } from "./render-http.ts";
import { hashedRendering, hashOf, type Rendering, sentRendering } from "./rendering.ts";

export interface ActionCallerOptions extends ServiceClientOptions {
  /** Of programs, DCS_SAGA_KEY taken out. */
  readonly env: Readonly<NodeJS.ProcessEnv>;
}

const MAX_MESSAGE = 500;
/** An error of a module may be of any length. */
const MAX_LOOKED_AT = 16_384;
const SECRET_HEADER = /authorization|cookie|token|secret|api-?key|password|signature/i;

/** A request of one kind, worked out. */
interface Rendered {
  /** Worked out only where somebody looks. */
  shown(): Json;
  send(options: SendOptions): Promise<Outcome>;
}

/** Makes the calls of sagas: HTTP through one `ServiceClient`, programs, functions of modules. */
export class ActionCaller implements Caller {
  readonly #o: ActionCallerOptions;
  readonly #client: ServiceClient;

  constructor(options: ActionCallerOptions) {
    this.#o = options;
    this.#client = new ServiceClient(options);
  }

  prepare(action: Action, identity: CallIdentity, contexts: CallContexts, _step: Step): PreparedCall {
    const { redactor } = contexts;
    let rendered: Rendered;
    try {
      rendered = this.#render(action, identity, contexts);
    } catch (error) {
      throw new Error(redactor.text(error instanceof Error ? error.message : String(error)));
    }
    return {
      identity,
      inputHash: hashOf(hashable(action, contexts)),
      get shown() {
        return redactor.shown(rendered.shown());
      },
      send: async (options) => clean(await this.#send(rendered, options), identity, contexts),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client[Symbol.asyncDispose]();
  }

  async #send(rendered: Rendered, options: SendOptions): Promise<Outcome> {
    if (options.timeoutMs <= 0) return { kind: "not-sent", message: "no time was left to send it" };
    if (options.signal.aborted) return { kind: "not-sent", message: "it was stopped before it was sent" };
    try {
      return await rendered.send(options);
    } catch (error) {
      return {
        kind: "unknown",
        message: `the call broke off: ${error instanceof Error ? error.message : error}`,
      };
    }
  }

  #render(action: Action, identity: CallIdentity, contexts: CallContexts): Rendered {
    const rendering = sentRendering(contexts.values);
    const { clock, env } = this.#o;
    switch (action.type) {
      case "http": {
        const request = renderHttp(action, rendering);
        const { method, url, headers, body } = request;
        return {
          shown: () => ({
            http: `${method} ${url}`,
            headers: withoutSecrets(headers),
            ...(body === undefined ? {} : { body }),
          }),
          send: (options) => sendHttp(request, identity, options, { client: this.#client, clock }),
        };
      }
      case "exec": {
        const argv = action.argv.map((template) => argument(rendering.text(template)));
        return {
          shown: () => ({ exec: argv }),
          send: (options) =>
            runProgram({ argv, fail: action.fail }, identity, contexts, options, { env, clock }),
        };
      }
      case "module": {
        const { path, exported } = action;
        const given = action.with === undefined ? null : rendering.tree(action.with);
        return {
          shown: () => ({ module: path, export: exported, with: given }),
          send: (options) => callModule({ path, exported, with: given }, identity, options, clock),
        };
      }
    }
  }
}

/** What is asked for, the same in every run and generation. Of a program also what it reads on stdin. */
function hashable(action: Action, { hashed, directory }: CallContexts): Json {
  const rendering: Rendering = hashedRendering(hashed);
  switch (action.type) {
    case "http":
      return { http: hashableHttp(action, rendering) };
    case "exec":
      return {
        exec: action.argv.map((template) => rendering.text(template)),
        stdin: { input: hashed["input"] ?? null, steps: hashed["steps"] ?? null },
      };
    case "module":
      return {
        module: relative(directory, action.path),
        export: action.exported,
        with: action.with === undefined ? null : rendering.tree(action.with),
      };
  }
}

/** Without secrets, and of a probe nothing but yes, no and do not know. */
function clean(outcome: Outcome, { asks }: CallIdentity, { redactor }: CallContexts): Outcome {
  if (outcome.kind === "done") return { kind: "done", output: redactor.json(outcome.output) };
  const isAnswer = outcome.kind === "failed" || asks === "effect";
  const message = shortened(redactor.text(outcome.message.slice(0, MAX_LOOKED_AT)), MAX_MESSAGE);
  return { kind: isAnswer ? outcome.kind : "unknown", message };
}

function withoutSecrets(headers: Readonly<Record<string, string>>): Json {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, SECRET_HEADER.test(name) ? REDACTED : value]),
  );
}

function argument(text: string): string {
  if (text.includes("\0")) throw new Error("an argument of the program has a NUL character");
  return text;
}
