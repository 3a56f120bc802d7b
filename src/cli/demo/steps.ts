import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatDuration } from "../../core/util/duration.ts";
import { body, type DemoStep, must } from "./kit.ts";
import { sagaStep } from "./saga-step.ts";
import { freePorts, type Running, type World } from "./world.ts";

interface ServicesData {
  readonly services: readonly {
    readonly name: string;
    readonly instances: readonly {
      readonly endpoint: string;
      readonly weight: number;
      readonly status: string;
    }[];
  }[];
}

const SERVICE_JS = `import { createServer } from "node:http";
const [port, name] = process.argv.slice(2);
const server = createServer((request, response) => response.end(name));
server.listen(Number(port), "127.0.0.1");
process.on("SIGTERM", () => server.close(() => process.exit(0)));
`;

const DEPLOY_SH = `#!/bin/sh
trap 'echo told to stop >> deploy.log; exit' TERM
touch deploy.up
while :; do sleep 0.05; done
`;

/** Adds one to a file, slowly and carelessly: two at a time would lose one. */
const CAREFULLY = 'n=$(cat counter); sleep 0.05; echo $((n + 1)) > counter; echo "$DCS_LOCK_FENCE" >> fences';

/** The story of `dcs demo`; the steps share the two services. */
export function demoSteps(): readonly DemoStep[] {
  const ports: number[] = [];
  const registrants: Running[] = [];

  const listed = async (world: World) => {
    const { services } = await world.ask<ServicesData>(["services", "web"]);
    return services.flatMap((service) => service.instances);
  };

  return [
    {
      name: "register",
      title: "Two HTTP services register themselves, each on a lease of 5 s that its dcs keeps alive",
      async run(world, tell) {
        ports.push(...(await freePorts(2)));
        writeFileSync(join(world.dir, "service.mjs"), SERVICE_JS);
        for (const [index, port] of ports.entries()) {
          const weight = index === 0 ? "3" : "1";
          const args = [
            "register",
            "web",
            "--endpoint",
            `127.0.0.1:${port}`,
            "--weight",
            weight,
            "--check",
            "http:/",
          ];
          args.push("--check-interval", "500ms");
          tell.command(`dcs ${args.join(" ")} -- node service.mjs ${port} web-${index + 1}`);
          registrants.push(
            world.start([...args, "--", process.execPath, "service.mjs", String(port), `web-${index + 1}`]),
          );
        }
        const ms = await world.until(
          "both services ready",
          10_000,
          async () => (await listed(world)).filter((each) => each.status === "ready").length === 2,
        );
        tell.command("dcs services web");
        for (const each of await listed(world))
          tell.fact(`${each.endpoint}  weight ${each.weight}  ${each.status}`);
        tell.fact(`started, checked and listed after ${formatDuration(ms)}`);
      },
    },
    {
      name: "resolve",
      title: "A client resolves the name: three calls in four go to the instance of weight 3",
      async run(world, tell) {
        tell.command("dcs resolve web -n 8");
        const { picks } = await world.ask<{ picks: readonly { endpoint: string }[] }>([
          "resolve",
          "web",
          "-n",
          "8",
        ]);
        const answers = await Promise.all(picks.map((pick) => body(`http://${pick.endpoint}/`)));
        const heavy = answers.filter((answer) => answer === "web-1").length;
        tell.fact(`called each: ${answers.join(" ")}`);
        must(heavy === 6, `web-1 has weight 3 of 4 and got ${heavy} of 8 calls instead of 6`);
        tell.fact(`web-1 answered ${heavy} of 8, web-2 answered ${answers.length - heavy}`);
      },
    },
    {
      name: "crash",
      title: "kill -9 of one registrant: its service stops and its instance disappears",
      async run(world, tell) {
        const victim = registrants[1];
        must(victim !== undefined, "no registrant to kill");
        tell.command(`kill -9 ${victim.pid}`);
        victim.kill("SIGKILL");
        const ms = await world.until(
          "the dead instance gone",
          6000,
          async () => (await listed(world)).length === 1,
        );
        tell.fact(`gone from dcs services after ${formatDuration(ms)} (promised: TTL + 1 s = 6 s)`);
        await world.until(
          "its process stopped",
          2000,
          async () => !(await answers(`http://127.0.0.1:${ports[1]}/`)),
        );
        tell.fact("its process was stopped by the watchdog: no server is left that nobody knows of");
      },
    },
    {
      name: "lock",
      title: "Eight processes add one to the same file, each under the same lock",
      async run(world, tell) {
        writeFileSync(join(world.dir, "counter"), "0\n");
        const args = ["lock", "acquire", "counter", "--wait", "forever", "--", "sh", "-c", CAREFULLY];
        tell.command(`dcs lock acquire counter --wait forever -- sh -c '${CAREFULLY}'    # 8 times at once`);
        const ends = await Promise.all(Array.from({ length: 8 }, () => world.run(args)));
        must(
          ends.every((end) => end.code === 0),
          `a holder failed: ${ends.find((end) => end.code !== 0)?.stderr}`,
        );
        const count = readFileSync(join(world.dir, "counter"), "utf8").trim();
        const fences = readFileSync(join(world.dir, "fences"), "utf8").trim().split("\n").map(Number);
        must(count === "8", `the counter stands at ${count} instead of 8`);
        must(
          fences.every((fence, i) => i === 0 || fence > (fences[i - 1] ?? 0)),
          "a fence did not grow",
        );
        tell.fact(`counter: ${count}; no increment was lost, and the 8 fences only grew`);
      },
    },
    {
      name: "lost",
      title: "A lock is lost under a running command: the command is stopped, and the exit status says so",
      async run(world, tell) {
        writeFileSync(join(world.dir, "deploy.sh"), DEPLOY_SH, { mode: 0o755 });
        const args = ["lock", "acquire", "deploy", "--reason", "release-42", "--", "./deploy.sh"];
        tell.command(`dcs ${args.join(" ")}`);
        const deploy = world.start(args);
        await world.until("the command running", 5000, () => existsSync(join(world.dir, "deploy.up")));
        const { holder } = await world.ask<{ holder: { lease: string } }>(["lock", "inspect", "deploy"]);
        tell.command(`dcs lease revoke ${holder.lease} --yes`);
        await world.ask(["lease", "revoke", holder.lease, "--yes"]);
        const since = performance.now();
        const end = await deploy.ended;
        const ms = performance.now() - since;
        must(end.code === 3, `dcs exited with ${end.code} instead of 3`);
        const log = readFileSync(join(world.dir, "deploy.log"), "utf8").trim();
        must(log === "told to stop", "the command was not told to stop");
        tell.fact(`the command got SIGTERM and ended; dcs exited 3 (LOCK_LOST) ${formatDuration(ms)} later`);
      },
    },
    {
      name: "deregister",
      title: "SIGTERM to the other registrant: deregistered at once, its service drained",
      async run(world, tell) {
        const last = registrants[0];
        must(last !== undefined, "no registrant to stop");
        tell.command(`kill ${last.pid}`);
        last.kill("SIGTERM");
        const ms = await world.until("deregistered", 5000, async () => (await listed(world)).length === 0);
        const end = await last.ended;
        must(end.code === 0, `the registrant exited with ${end.code}: ${end.stderr}`);
        tell.fact(`gone after ${formatDuration(ms)}; exit status 0`);
      },
    },
    sagaStep,
  ];
}

async function answers(url: string): Promise<boolean> {
  return body(url).then(
    () => true,
    () => false,
  );
}
