import { get } from "node:http";
import { makeDirectory } from "../../util/make-directory.ts";
import type { Engine } from "../engine.ts";

/** One etcd member on loopback. History is forgotten after an hour, as nobody looks after it. */
export const etcdEngine: Engine = {
  name: "etcd",
  programs: { etcd: ["etcd"] },
  ports: 2,
  async prepare({ data }) {
    makeDirectory(data);
  },
  command({ name, data, ports: [client = 0, peer = 0], programs }) {
    const clientUrl = `http://127.0.0.1:${client}`;
    const peerUrl = `http://127.0.0.1:${peer}`;
    const flags = {
      name,
      "data-dir": data,
      "listen-client-urls": clientUrl,
      "advertise-client-urls": clientUrl,
      "listen-peer-urls": peerUrl,
      "initial-advertise-peer-urls": peerUrl,
      "initial-cluster": `${name}=${peerUrl}`,
      "auto-compaction-mode": "periodic",
      "auto-compaction-retention": "1h",
    };
    const args = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`);
    return { program: programs["etcd"] ?? "etcd", args };
  },
  async ask(port, timeoutMs) {
    const health = await page(port, "/health", timeoutMs);
    if (!/"health":\s*"?true/.test(health)) throw new Error(`it says ${health}`);
    return /"etcdserver":"([^"]+)"/.exec(await page(port, "/version", timeoutMs))?.[1] ?? "unknown";
  },
  url: (port) => `etcd://127.0.0.1:${port}`,
};

function page(port: number, path: string, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = get({ host: "127.0.0.1", port, path, agent: false }, (response) => {
      response.setEncoding("utf8");
      response.toArray().then((parts) => resolve(parts.join("")), reject);
    });
    call.setTimeout(timeoutMs, () => call.destroy(new Error("no answer")));
    call.on("error", reject);
  });
}
