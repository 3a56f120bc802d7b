/**
 * The null server: a thread that answers every request of HTTP/1.1 with the same few bytes, and looks at nothing but where requests end.
 * What a generator manages against it is what it can manage at all on this machine. Posts its port.
 */
import { type AddressInfo, createServer, type Socket } from "node:net";
import { parentPort } from "node:worker_threads";

const ANSWER = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const END = "\r\n\r\n";
const LENGTH = /\r\ncontent-length:[ \t]*(\d+)/i;

function serve(socket: Socket): void {
  let head = "";
  /** Bytes of a body that are still to come. */
  let body = 0;
  socket.setNoDelay(true);
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk) => {
    let rest = chunk.toString("latin1");
    let answers = "";
    while (rest !== "") {
      if (body > 0) {
        const taken = Math.min(body, rest.length);
        body -= taken;
        rest = rest.slice(taken);
        if (body > 0) break;
        answers += ANSWER;
        continue;
      }
      const end = (head + rest).indexOf(END);
      if (end < 0) {
        head += rest;
        break;
      }
      const whole = head + rest;
      body = Number(LENGTH.exec(whole.slice(0, end))?.[1] ?? 0);
      rest = whole.slice(end + END.length);
      head = "";
      if (body === 0) answers += ANSWER;
    }
    if (answers !== "") socket.write(answers);
  });
}

const server = createServer(serve);
server.listen(0, "127.0.0.1", () => parentPort?.postMessage((server.address() as AddressInfo).port));
