import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStore } from "../../../src/core/store/open-store.ts";
import { shardContract } from "./shard-contract.ts";

shardContract("embedded", async () => {
  const dir = await mkdtemp(join(tmpdir(), "dcs-shard-"));
  return {
    open: () => openStore(`embedded:${dir}/store.db`, { timeoutMs: 10_000, stateDir: dir }),
    destroy: () => rm(dir, { recursive: true, force: true }),
  };
});
