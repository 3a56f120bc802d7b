/**
 * Copies every bucket of the benchmark's table, as a process of its own: its peers are some too. Arguments: URL of the source, of the
 * target, buckets at once. Prints {rows, bytes, ms, rssMb} as one line of JSON.
 */
import { copyBucket } from "../../src/core/shard/data/copy-bucket.ts";
import { MoverSession } from "../../src/core/shard/data/mover-session.ts";
import { readTables } from "../../src/core/shard/schema/table-info.ts";
import { systemClock } from "../../src/core/util/clock.ts";
import { keepHeapSmall } from "../../src/core/util/small-heap.ts";
import { BUCKETS, TOKEN } from "./table.ts";

// As `dcs shard rebalance` does.
keepHeapSmall();
const [src = "", dst = "", atOnce = "2"] = process.argv.slice(2);
const open = (url: string) => () => MoverSession.open(url, systemClock, 120_000);
using session = await open(src)();
const tables = [...(await readTables(session, ["orders"])).values()];
const begin = performance.now();
const sum = { rows: 0, bytes: 0 };
const queue = Array(BUCKETS).keys();
const copyNext = async () => {
  // The iterator is shared: each takes the next bucket.
  for (const bucket of queue) await copy(bucket);
};
async function copy(bucket: number): Promise<void> {
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
}
await Promise.all(Array.from({ length: Number(atOnce) }, copyNext));
const ms = performance.now() - begin;
const rssMb = process.resourceUsage().maxRSS / 1024;
console.log(JSON.stringify({ ...sum, ms, rssMb }));
