import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLocks } from "../../../src/core/lock/open-locks.ts";
import { lockContract } from "./lock-contract.ts";

lockContract("embedded", async () => {
  const dir = await mkdtemp(join(tmpdir(), "dcs-locks-"));
  return {
    open: () => openLocks({ url: `embedded:${dir}/store.db`, timeoutMs: 10_000, stateDir: dir }),
    destroy: () => rm(dir, { recursive: true, force: true }),
  };
});
