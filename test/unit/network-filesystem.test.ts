import { describe, expect, it } from "vitest";
import { isNetworkType, mountTypeOf, networkFilesystemOf } from "../../src/core/sqlite/network-filesystem.ts";

const MOUNTS = `
22 1 259:1 / / rw,relatime shared:1 - ext4 /dev/root rw
30 22 0:26 / /mnt/share rw - nfs4 server:/export rw,vers=4.2
31 30 0:27 / /mnt/share/local rw - tmpfs tmpfs rw
32 22 0:28 / /mnt/with\\040space rw - cifs //server/share rw
33 22 0:29 / /home/me/remote rw - fuse.sshfs me@host:/ rw
`;

describe("the filesystem below the store", () => {
  it.each([
    ["/var/lib/dcs", "ext4"],
    ["/mnt/share", "nfs4"],
    ["/mnt/share/deep/down", "nfs4"],
    ["/mnt/shared", "ext4"],
    ["/mnt/share/local/x", "tmpfs"],
    ["/mnt/with space/x", "cifs"],
    ["/home/me/remote/x", "fuse.sshfs"],
  ])("%s is on %s", (path, type) => {
    expect(mountTypeOf(path, MOUNTS)).toBe(type);
  });

  it.each(["nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "fuse.sshfs", "fuse.glusterfs", "lustre"])(
    "refuses %s",
    (type) => {
      expect(isNetworkType(type)).toBe(true);
    },
  );

  it.each(["ext4", "xfs", "btrfs", "tmpfs", "overlay", "fuse.ntfs-3g", "zfs"])("takes %s", (type) => {
    expect(isNetworkType(type)).toBe(false);
  });

  it("sees nothing wrong with this machine's own directory for temporary files", () => {
    expect(networkFilesystemOf("/tmp")).toBeNull();
  });
});
