import { readFileSync, statfsSync } from "node:fs";

/** Filesystem types whose locks or shared memory do not hold between machines, as /proc/self/mountinfo names them. */
const NETWORK_TYPES =
  /^(nfs\d?|cifs|smb\d?|smbfs|smb3|9p|ceph|lustre|afs|gpfs|glusterfs|ocfs2|gfs2|fuse\.(sshfs|glusterfs|s3fs|rclone|ceph|davfs2?|gcsfuse|smbnetfs))$/;

/** The magic numbers of the same for `statfs`; a glance at one number spares reading the mount table. */
const SUSPECT_MAGIC: ReadonlySet<number> = new Set([
  0x6969, 0x517b, 0xff534d42, 0xfe534d42, 0x01021997, 0x00c36400, 0x0bd00bd0, 0x5346414f, 0x47504653,
  0x65735546, 0x7461636f, 0x01161970,
]);

/** The name of the network filesystem that `directory` is on; null when it is local or cannot be told. */
export function networkFilesystemOf(directory: string): string | null {
  if (process.platform !== "linux") return null;
  try {
    const { type } = statfsSync(directory);
    if (!SUSPECT_MAGIC.has(type >>> 0)) return null;
    const name = mountTypeOf(directory, readFileSync("/proc/self/mountinfo", "utf8"));
    return name !== null && isNetworkType(name) ? name : null;
  } catch {
    return null;
  }
}

/** True for a filesystem type that several machines may have mounted at once. */
export function isNetworkType(type: string): boolean {
  return NETWORK_TYPES.test(type);
}

/** The filesystem type of the mount that `path` is below, from the text of a mountinfo file. */
export function mountTypeOf(path: string, mountinfo: string): string | null {
  let best = "";
  let type: string | null = null;
  for (const line of mountinfo.split("\n")) {
    const [before, after] = line.split(" - ");
    const point = before?.split(" ")[4]?.replace(/\\040/g, " ");
    if (point === undefined || after === undefined) continue;
    const inside = path === point || path.startsWith(point.endsWith("/") ? point : `${point}/`);
    if (inside && point.length >= best.length) {
      best = point;
      type = after.split(" ")[0] ?? null;
    }
  }
  return type;
}
