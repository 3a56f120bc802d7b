import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { DcsError } from "../../core/errors.ts";
import { formatDuration } from "../../core/util/duration.ts";
import { body, type DemoStep, must } from "./kit.ts";
import { freePorts, type World } from "./world.ts";

/**
 * Orders and payments as a saga wants them: one key, one effect, one answer. The very first charge takes effect and gets no
 * answer, so that its caller can be killed not knowing. More than 1000 is declined.
 */
const SHOP_JS = `import { createServer } from "node:http";
const [port] = process.argv.slice(2);
const answers = new Map();
const counts = { orders: 0, cancelled: 0, charges: 0, asked: 0 };
const apply = (path, body) => {
  if (path === "/cancel") return counts.cancelled++, { ok: true };
  if (path === "/orders") return { id: ++counts.orders };
  if (body.amount > 1000) return null;
  return { id: ++counts.charges };
};
const server = createServer(async (request, response) => {
  let text = "";
  for await (const chunk of request) text += chunk;
  if (request.method === "GET") return response.end(JSON.stringify(counts));
  const key = request.headers["idempotency-key"];
  if (request.url === "/charges") counts.asked++;
  const isNew = !answers.has(key);
  const answer = answers.get(key) ?? apply(request.url, JSON.parse(text || "{}"));
  if (answer !== null) answers.set(key, answer);
  if (isNew && request.url === "/charges" && counts.charges === 1 && counts.asked === 1) return;
  response.writeHead(answer === null ? 402 : 201, { "content-type": "application/json" });
  response.end(JSON.stringify(answer));
});
server.listen(Number(port), "127.0.0.1");
process.on("SIGTERM", () => {
  server.close(() => process.exit(0));
  server.closeAllConnections();
});
`;

const SAGA_YAML = `saga: order
input: { amount: number }
steps:
  - name: order
    action: { http: POST service://orders/orders }
    compensate: { http: POST service://orders/cancel }
  - name: charge
    action: { http: POST service://payment/charges, body: { amount: "\${{ input.amount }}" } }
`;

interface Counts {
  readonly orders: number;
  readonly cancelled: number;
  readonly charges: number;
  readonly asked: number;
}

interface RunsData {
  readonly runs: readonly { readonly run: string; readonly status: string }[];
}

/** A saga whose process is killed between a charge and its journal, and one whose charge is declined. */
export const sagaStep: DemoStep = {
  name: "saga",
  title:
    "A saga is killed -9 between the charge and its journal: another process finishes it, with one charge",
  async run(world, tell) {
    const [orders = 0, payment = 0] = await freePorts(2);
    const counts = async (port: number) => JSON.parse(await body(`http://127.0.0.1:${port}/`)) as Counts;
    writeFileSync(join(world.dir, "shop.mjs"), SHOP_JS);
    writeFileSync(join(world.dir, "order.yaml"), SAGA_YAML);
    for (const [name, port] of Object.entries({ orders, payment })) {
      const args = ["register", name, "--endpoint", `127.0.0.1:${port}`, "--check", "http:/"];
      tell.command(`dcs ${args.join(" ")} -- node shop.mjs ${port}`);
      world.start([...args, "--check-interval", "200ms", "--", process.execPath, "shop.mjs", String(port)]);
    }
    const isReady = async (name: string) => (await world.run(["resolve", name])).code === 0;
    await world.until("both services ready", 10_000, async () =>
      (await Promise.all(["orders", "payment"].map(isReady))).every(Boolean),
    );

    const args = ["saga", "run", "order.yaml", "--input", "amount=30", "--lease", "1s"];
    tell.command(`dcs ${args.join(" ")}`);
    const first = world.start(args);
    await world.until("the charge made", 5000, async () => (await counts(payment)).charges === 1);
    tell.command(`kill -9 ${first.pid}    # charged; the answer never came`);
    first.kill("SIGKILL");
    await first.ended;
    const run = await onlyRun(world);
    const resume = ["saga", "resume", run, "--reason", "its process died"];
    tell.command(`dcs ${resume.join(" ").replace("its process died", "'its process died'")}`);
    const begun = performance.now();
    const { status } = await world.ask<{ status: string }>(resume);
    const ms = performance.now() - begun;
    const paid = await counts(payment);
    must(status === "completed", `the run is ${status} instead of completed`);
    must(paid.charges === 1, `there are ${paid.charges} charges instead of one`);
    must(paid.asked === 2, `the charge was asked for ${paid.asked} times instead of twice`);
    tell.fact(`completed ${formatDuration(ms)} later; asked for twice under one key: ${paid.charges} charge`);

    const dear = ["saga", "run", "order.yaml", "--input", "amount=5000"];
    tell.command(`dcs ${dear.join(" ")}    # the card is declined`);
    const end = await world.run(dear);
    must(end.code === 9, `the declined run exited with ${end.code} instead of 9: ${end.stderr}`);
    const { orders: made, cancelled } = await counts(orders);
    const { charges } = await counts(payment);
    must(made === 2 && cancelled === 1, `${made} orders and ${cancelled} cancelled, instead of 2 and 1`);
    must(charges === 1, `a declined charge was made`);
    tell.fact("its order is cancelled again, nothing was charged; exit status 9 (compensated)");
  },
};

async function onlyRun(world: World): Promise<string> {
  const { runs } = await world.ask<RunsData>(["saga", "ls"]);
  const [one] = runs;
  if (one === undefined || runs.length > 1) {
    throw new DcsError("DEMO_FAILED", `dcs saga ls shows ${runs.length} runs instead of one`);
  }
  return one.run;
}
