import type { EtcdAddress } from "../../store/etcd/etcd-url.ts";
import { type Finding, fail, ok, unknown, warn } from "../check.ts";
import type { EtcdFacts } from "./etcd-facts.ts";
import { etcdctl } from "./etcdctl.ts";

/** Above this share of its quota etcd is close to taking no more writes. */
const FULL = 0.8;

/** Alarms stop writes until somebody disarms them. */
export function examineAlarms({ alarms }: EtcdFacts, address: EtcdAddress): Finding {
  const ctl = etcdctl(address);
  if (alarms === null) return unknown("alarms", "the cluster does not tell them here", `${ctl} alarm list`);
  const data = { alarms };
  if (alarms.length === 0) return ok("alarms", "none", data);
  if (alarms.includes("NOSPACE")) {
    return fail(
      "alarms",
      "NOSPACE: the database reached its quota, and the cluster takes no writes: no lock, no registration",
      `${makeRoom(ctl)} && ${ctl} alarm disarm`,
      { data },
    );
  }
  return fail(
    "alarms",
    alarms.join(", "),
    `${ctl} endpoint hashkv --cluster   # find the member that differs`,
    {
      data,
    },
  );
}

export function examineQuota({ size, quota }: EtcdFacts, address: EtcdAddress): Finding {
  const ctl = etcdctl(address);
  if (size === null || quota === null) {
    return unknown(
      "quota",
      "the server does not tell its quota here",
      `${ctl} endpoint status --write-out=table`,
    );
  }
  const share = quota > 0 ? size / quota : 0;
  const data = { bytes: size, quotaBytes: quota };
  const detail = `the database takes ${mebibytes(size)} of ${mebibytes(quota)}`;
  if (share < FULL) return ok("quota", detail, data);
  return warn("quota", `${detail}: full, it takes no writes any more`, makeRoom(ctl), { data });
}

/** Forgets history and gives its space back. */
function makeRoom(ctl: string): string {
  const revision = `$(${ctl} endpoint status --write-out=json | grep -o '"revision":[0-9]*' | grep -o '[0-9]*' | tail -1)`;
  return `${ctl} compact ${revision} && ${ctl} defrag`;
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 102.4) / 10} MiB`;
}
