import { connect } from "node:net";
import { makeDirectory } from "../../util/make-directory.ts";
import type { Engine } from "../engine.ts";

/** One Redis on loopback, with the settings that `dcs doctor` wants for locks. */
export const redisEngine: Engine = {
  name: "redis",
  programs: { "redis-server": ["redis-server", "valkey-server"] },
  ports: 1,
  async prepare({ data }) {
    makeDirectory(data);
  },
  command({ data, ports: [port = 0], programs }) {
    const settings = {
      port: String(port),
      bind: "127.0.0.1",
      dir: data,
      daemonize: "no",
      save: "",
      appendonly: "yes",
      appendfsync: "always",
      "maxmemory-policy": "noeviction",
    };
    const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
    return { program: programs["redis-server"] ?? "redis-server", args };
  },
  async ask(port, timeoutMs) {
    const info = await inline(port, "INFO server", timeoutMs);
    const version = /^(?:valkey|redis)_version:(\S+)/m.exec(info)?.[1];
    if (version === undefined) throw new Error(info.split("\r\n")[0] ?? "no answer");
    return version;
  },
  url: (port) => `redis://127.0.0.1:${port}`,
};

/** One command in Redis's inline form; the answer up to where the server waits again. */
function inline(port: number, command: string, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    let text = "";
    socket.setEncoding("utf8");
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error("no answer")));
    socket.on("data", (chunk: string) => {
      text += chunk;
    });
    socket.once("error", reject);
    socket.once("close", () => resolve(text));
    socket.end(`${command}\r\nQUIT\r\n`);
  });
}
