import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { arch, cpus, hostname, release, totalmem, type } from "node:os";
import { promisify } from "node:util";
import type { BenchEnvironment } from "../result.ts";

/** What must be the same for two results to be compared, and what helps to explain a difference. */
export async function benchEnvironment(version: string, cwd: string): Promise<BenchEnvironment> {
  const all = cpus();
  const cpu = all[0]?.model.trim() ?? "unknown";
  const os = `${type()} ${release()} ${arch()}`;
  const memoryBytes = totalmem();
  const made = JSON.stringify([os, cpu, all.length, Math.round(memoryBytes / 2 ** 30), process.version]);
  return {
    dcs: version,
    node: process.version,
    os,
    cpu,
    cores: all.length,
    memoryBytes,
    host: hostname(),
    fingerprint: createHash("sha256").update(made).digest("hex").slice(0, 16),
    gitSha: await gitSha(cwd),
  };
}

async function gitSha(cwd: string): Promise<string | null> {
  try {
    const { stdout } = await promisify(execFile)("git", ["rev-parse", "HEAD"], { cwd, timeout: 2000 });
    return stdout.trim() || null;
  } catch {
    // No repository, or no git.
    return null;
  }
}
