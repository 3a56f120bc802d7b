import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { findEngine } from "../scripts/engines.ts";
import { freePort } from "../test/support/free-port.ts";

/** An nginx with one worker that answers `/` with a few bytes. Installed with `apt-get install nginx-light`. */
export async function startNginx(): Promise<AsyncDisposable & { readonly url: string }> {
  const program = findEngine("nginx");
  if (program === null) throw new Error("nginx is not installed: apt-get install nginx-light wrk hey");
  const dir = mkdtempSync(join(tmpdir(), "dcs-nginx-"));
  const port = await freePort();
  writeFileSync(
    join(dir, "nginx.conf"),
    `daemon off; worker_processes 1; pid ${dir}/pid; error_log ${dir}/error.log;
events { worker_connections 4096; }
http {
  access_log off; client_body_temp_path ${dir}; proxy_temp_path ${dir}; fastcgi_temp_path ${dir};
  uwsgi_temp_path ${dir}; scgi_temp_path ${dir}; keepalive_requests 1000000;
  server { listen 127.0.0.1:${port} backlog=4096; location / { return 200 "hello"; } }
}
`,
  );
  const child = spawn(program, ["-p", dir, "-c", join(dir, "nginx.conf")], { stdio: "ignore" });
  for (let tries = 0; tries < 200 && !(await listens(port)); tries++) await sleep(20);
  return {
    url: `http://127.0.0.1:${port}/`,
    async [Symbol.asyncDispose]() {
      child.kill("SIGQUIT");
      if (child.exitCode === null) await once(child, "exit");
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
