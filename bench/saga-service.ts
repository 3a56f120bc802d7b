/** A service that does nothing, in a process of its own: prints its port, ends when its stdin does. */
import { createServer } from "node:http";

const server = createServer((request, response) => {
  request.resume().once("end", () => {
    response.writeHead(200, { "content-type": "application/json" }).end("{}");
  });
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (typeof address === "object" && address !== null) console.log(address.port);
});
process.stdin.resume().once("end", () => process.exit());
