/**
 * Copies every bucket of the benchmark's table, as a process of its own: its peers are some too. Arguments: URL of the source, of the
 * target, buckets at once. Prints {rows, bytes, ms, rssMb} as one line of JSON.
 */
import { copyBucket } from "../../src/core/shard/data/copy-bucket.ts";
import { MoverSession } from "../../src/core/shard/data/mover-session.ts";
import { readTables } from "../../src/core/shard/schema/table-info.ts";
import { systemClock } from "../../src/core/util/clock.ts";
import { inFlight } from "../support.ts";
import { BUCKETS, TOKEN } from "./lab.ts";

const [src = "", dst = "", atOnce = "2"] = process.argv.slice(2);
const open = (url: string) => () => MoverSession.open(url, systemClock, 120_000);
using session = await open(src)();
const tables = [...(await readTables(session, ["orders"])).values()];
const begin = performance.now();
const sum = { rows: 0, bytes: 0 };
await inFlight(Number(atOnce), [...Array(BUCKETS).keys()], async (bucket) => {
  const done = await copyBucket({
    clock: systemClock,
    src: open(src),
    dst: open(dst),
    bucket,
    token: TOKEN,
    tables: { tables },
    lanes: 1,
    signal: new AbortController().signal,
  });
  sum.rows += done.rows;
  sum.bytes += done.bytes;
});
const ms = performance.now() - begin;
const rssMb = process.resourceUsage().maxRSS / 1024;
console.log(JSON.stringify({ ...sum, ms, rssMb }));
