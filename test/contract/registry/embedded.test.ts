import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStore } from "../../../src/core/store/open-store.ts";
import { registryContract } from "./registry-contract.ts";

registryContract("embedded", async () => {
  const dir = await mkdtemp(join(tmpdir(), "dcs-registry-"));
  return {
    open: () => openStore(`embedded:${dir}/store.db`, { timeoutMs: 10_000, stateDir: dir }),
    destroy: () => rm(dir, { recursive: true, force: true }),
  };
});
