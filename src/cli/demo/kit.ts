import { get } from "node:http";
import { DcsError } from "../../core/errors.ts";
import type { World } from "./world.ts";

/** What a step shows: the command a user would type, and what came of it. */
export interface Narrator {
  command(line: string): void;
  fact(line: string): void;
}

export interface DemoStep {
  readonly name: string;
  readonly title: string;
  readonly run: (world: World, tell: Narrator) => Promise<void>;
}

/** DEMO_FAILED where a promise did not hold. */
export function must(condition: boolean, message: string): asserts condition {
  if (!condition) throw new DcsError("DEMO_FAILED", message);
}

/** What a GET is answered with. */
export function body(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, { agent: false, signal: AbortSignal.timeout(2000) }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => resolve(text));
    }).on("error", reject);
  });
}
