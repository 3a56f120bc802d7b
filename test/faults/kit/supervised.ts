import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { afterEach, beforeEach } from "vitest";
import { Supervised, type SuperviseOptions } from "../../../src/core/process/supervisor.ts";

/** A directory for each test, and shells that run under supervision in it; all ended after the test. */
export function supervisedPerTest() {
  let dir = "";
  let running: Supervised[] = [];

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "dcs-stop-"));
  });
  afterEach(async () => {
    for (const child of running) await child.stop({ graceMs: 0 });
    running = [];
    rmSync(dir, { recursive: true, force: true });
  });

  async function sh(script: string, options: Partial<SuperviseOptions> = {}): Promise<Supervised> {
    const child = await Supervised.start({
      command: "sh",
      args: ["-c", script],
      stdio: ["ignore", "pipe", "ignore"],
      ...options,
    });
    running.push(child);
    return child;
  }

  return { sh, path: (name: string) => join(dir, name) };
}

/** All that is said, at its end. */
export async function text(stream: Readable | null): Promise<string> {
  let all = "";
  for await (const chunk of stream ?? []) all += String(chunk);
  return all;
}
