import { expect, test } from "vitest";
import { ChunkSize } from "../../../src/core/shard/data/read-chunk.ts";
import { splitLiterals } from "../../../src/core/shard/data/split-literals.ts";
import { makeThrottle } from "../../../src/core/shard/data/throttle.ts";
import { FakeClock } from "../../support/fake-clock.ts";

test.each([
  ["12", ["12"]],
  ["12,'a'", ["12", "'a'"]],
  ["'a,b',-1.5", ["'a,b'", "-1.5"]],
  ["'it\\'s, \\\\','x'", ["'it\\'s, \\\\'", "'x'"]],
  ["_latin1 x'2C27',x'00'", ["_latin1 x'2C27'", "x'00'"]],
  ["'',''", ["''", "''"]],
])("the key %s is taken apart where it was put together", (text, values) => {
  expect(splitLiterals(text)).toEqual(values);
});

test("a chunk is as many rows as fit, told by those before it", () => {
  const size = new ChunkSize(100_000, 1_000_000);
  const first = size.rows;
  size.saw(first, first * 100);
  expect(size.rows).toBe(first * 8);
  size.saw(size.rows, size.rows * 100);
  expect(size.rows).toBe(1000);
  size.saw(1, 500_000);
  expect(size.rows).toBe(1);
});

test("a throttle keeps to its rate over all who share it, and does not make up for a pause", async () => {
  const clock = new FakeClock();
  const throttle = makeThrottle({ clock, maxRate: 1000 });
  const { signal } = new AbortController();
  await throttle(500, signal);
  let passed = 0;
  const rest = [1, 2].map(() => throttle(500, signal).then(() => passed++));
  await clock.advance(499);
  expect(passed).toBe(0);
  await clock.advance(2);
  expect(passed).toBe(1);
  await clock.advance(500);
  expect(passed).toBe(2);
  await Promise.all(rest);
  await clock.advance(10_000);
  await throttle(500, signal);
  const next = throttle(1, signal).then(() => passed++);
  await clock.advance(400);
  expect(passed).toBe(2);
  await clock.advance(100);
  await next;
});

test("whoever waits for its turn is let go by the signal", async () => {
  const clock = new FakeClock();
  const throttle = makeThrottle({ clock, maxRate: 1 });
  const stop = new AbortController();
  await throttle(1, stop.signal);
  const waits = throttle(1, stop.signal);
  stop.abort(new Error("enough"));
  await expect(waits).rejects.toThrow("enough");
});
