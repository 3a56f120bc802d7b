import { spawn } from "node:child_process";
import { type Check, type CheckEndpoint, type Finding, oneLine, timed } from "./check.ts";

/** How much of the end of the output is kept, to find its last line. */
const TAIL = 4096;
/** How long to wait for the end of output that a process outside the group still holds open. */
const OUTPUT_MS = 100;

/**
 * `exec:CMD`: `/bin/sh -c CMD` exits 0. It runs in a process group of its own that is killed at the timeout, and whatever
 * the command leaves running there is killed when it ends. In its environment: DCS_ENDPOINT, DCS_HOST, DCS_PORT.
 */
export function execCheck(spec: string, command: string): Check {
  return {
    kind: "exec",
    spec,
    run: (request) => timed(request, (signal) => execute(command, request.endpoint, signal)),
  };
}

function execute(command: string, endpoint: CheckEndpoint, signal: AbortSignal): Promise<Finding> {
  const { host, port } = endpoint;
  const address = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  return new Promise((resolve, reject) => {
    const child = spawn("/bin/sh", ["-c", command], {
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, DCS_ENDPOINT: address, DCS_HOST: host, DCS_PORT: String(port) },
    });
    const killGroup = () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
      } catch {
        // gone already
      }
    };
    let tail = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8");
      stream.on("data", (chunk: string) => {
        tail = (tail + chunk).slice(-TAIL);
      });
    }
    signal.addEventListener("abort", killGroup, { once: true });
    child.once("error", reject);
    child.once("exit", (code, name) => {
      signal.removeEventListener("abort", killGroup);
      killGroup();
      const giveUp = setTimeout(() => {
        child.stdout.destroy();
        child.stderr.destroy();
      }, OUTPUT_MS);
      child.once("close", () => {
        clearTimeout(giveUp);
        const said = oneLine(tail.trimEnd().split("\n").at(-1) ?? "");
        const ended = name === null ? `exit ${code}` : `killed by ${name}`;
        resolve({ ok: code === 0, detail: said === "" ? ended : `${ended}: ${said}` });
      });
    });
  });
}
