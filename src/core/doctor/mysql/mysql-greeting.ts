import { connect } from "node:net";

/** What a MySQL or MariaDB server says of itself before anybody logs in. */
export interface MysqlGreeting {
  /** Such as `10.11.19-MariaDB-…` or `8.4.2`. */
  readonly version: string;
  readonly isMariaDb: boolean;
  /** The server speaks TLS on request. */
  readonly offersTls: boolean;
}

const CLIENT_SSL = 0x0800;
const ERROR_PACKET = 0xff;

/**
 * Connects, reads the greeting (protocol 10: dev.mysql.com/doc/dev/mysql-server, "Connection Phase"), and leaves. No
 * password is sent. Rejects with an Error that says why there is none. The server counts such a visit as an interrupted
 * connection, so it is made once a run.
 */
export function readMysqlGreeting(host: string, port: number, timeoutMs: number): Promise<MysqlGreeting> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, host);
    let bytes = Buffer.alloc(0);
    const end = (settle: () => void) => {
      socket.destroy();
      settle();
    };
    socket.setTimeout(timeoutMs, () =>
      end(() => reject(new Error(`no greeting within ${Math.round(timeoutMs)} ms`))),
    );
    socket.once("error", (error) => end(() => reject(error)));
    socket.once("close", () => reject(new Error("the connection was closed before the greeting")));
    socket.on("data", (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      if (bytes.length < 4 || bytes.length < 4 + bytes.readUIntLE(0, 3)) return;
      const packet = bytes.subarray(4, 4 + bytes.readUIntLE(0, 3));
      end(() => {
        const greeting = parseMysqlGreeting(packet);
        if (typeof greeting === "string") reject(new Error(greeting));
        else resolve(greeting);
      });
    });
  });
}

/** Reads the payload of the first packet; a text says why it is no greeting. */
export function parseMysqlGreeting(packet: Buffer): MysqlGreeting | string {
  if (packet[0] === ERROR_PACKET) return packet.toString("utf8", 3).replace(/^#.{5}/, "");
  const end = packet.indexOf(0, 1);
  if (packet[0] !== 10 || end < 0) return "what answers is neither MySQL nor MariaDB";
  const said = packet.toString("latin1", 1, end);
  // Thread id, 8 bytes of the scramble, a filler, then the lower half of the capabilities.
  const flags = end + 1 + 4 + 8 + 1;
  const capabilities = packet.length >= flags + 2 ? packet.readUInt16LE(flags) : 0;
  return {
    // MariaDB hides behind a MySQL version that old replicas accept.
    version: said.replace(/^5\.5\.5-/, ""),
    isMariaDb: /mariadb/i.test(said),
    offersTls: (capabilities & CLIENT_SSL) !== 0,
  };
}
