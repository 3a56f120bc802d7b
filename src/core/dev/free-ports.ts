import { createServer, type Server } from "node:net";

/** As many TCP ports of loopback that nobody uses now, all different. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers: Server[] = [];
  const ports: number[] = [];
  try {
    for (let i = 0; i < count; i++) {
      const server = await listen(0);
      servers.push(server);
      const address = server.address();
      if (typeof address === "object" && address !== null) ports.push(address.port);
    }
    return ports;
  } finally {
    await Promise.all(servers.map(close));
  }
}

/** True when each of the ports can be listened on now. */
export async function areFree(ports: readonly number[]): Promise<boolean> {
  for (const port of ports) {
    try {
      await close(await listen(port));
    } catch {
      return false;
    }
  }
  return true;
}

function listen(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}
