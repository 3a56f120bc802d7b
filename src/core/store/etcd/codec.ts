import type { ICompare, IKeyValue, IRangeRequest, IRequestOp } from "etcd3";
import type { Compare, KeyValue, LeaseId, ListOptions, Op } from "../store.ts";

/** Keys under a prefix that the caller does not see, as etcd's bytes. */
export class Keyspace {
  readonly #prefix: string;
  readonly #bytes: Buffer;

  constructor(prefix: string) {
    this.#prefix = prefix;
    this.#bytes = Buffer.from(prefix);
  }

  get isWhole(): boolean {
    return this.#prefix === "";
  }

  key(key: string): Buffer {
    return Buffer.from(this.#prefix + key);
  }

  /** The half-open range of keys that start with `prefix`. */
  range(prefix: string): { readonly key: Buffer; readonly range_end: Buffer } {
    const key = this.key(prefix);
    // etcd has no empty key: the range of everything is from \0 to \0.
    if (key.length === 0) return { key: Buffer.of(0), range_end: Buffer.of(0) };
    return { key, range_end: afterPrefix(key) };
  }

  /** Null for a key that is not below the prefix. */
  name(key: Buffer): string | null {
    if (!key.subarray(0, this.#bytes.length).equals(this.#bytes)) return null;
    return key.toString("utf8", this.#bytes.length);
  }

  toKeyValue(kv: IKeyValue): KeyValue {
    return {
      key: this.name(kv.key) ?? "",
      value: kv.value.toString("utf8"),
      createRevision: Number(kv.create_revision),
      modRevision: Number(kv.mod_revision),
      lease: kv.lease === "0" ? null : fromApi(kv.lease),
    };
  }

  toCompare(compare: Compare): ICompare {
    if ("prefix" in compare) {
      return { ...this.range(compare.prefix), target: "Create", result: "Equal", create_revision: "0" };
    }
    const key = this.key(compare.key);
    if ("is" in compare) {
      return {
        key,
        target: "Create",
        result: compare.is === "absent" ? "Equal" : "Greater",
        create_revision: "0",
      };
    }
    if ("createRevision" in compare) {
      return { key, target: "Create", result: "Equal", create_revision: String(compare.createRevision) };
    }
    if ("modRevision" in compare) {
      return { key, target: "Mod", result: "Equal", mod_revision: String(compare.modRevision) };
    }
    if ("lease" in compare) return { key, target: "Lease", result: "Equal", lease: toApi(compare.lease) };
    return { key, target: "Value", result: "Equal", value: Buffer.from(compare.value) };
  }

  toRequestOp(op: Op): IRequestOp {
    if ("delete" in op) return { request_delete_range: { key: this.key(op.delete) } };
    const lease = op.lease === undefined ? {} : { lease: toApi(op.lease) };
    return { request_put: { key: this.key(op.put), value: Buffer.from(op.value), ...lease } };
  }
}

function afterPrefix(prefix: Buffer): Buffer {
  const end = Buffer.from(prefix);
  for (let i = end.length - 1; i >= 0; i--) {
    const byte = end[i] ?? 0xff;
    if (byte === 0xff) continue;
    end[i] = byte + 1;
    return end.subarray(0, i + 1);
  }
  return Buffer.of(0);
}

/** Which keys of a range, in which order. To etcd, 0 means no bound: nothing is made before revision 2. */
export function toSelection({ order = "key", limit, createdBefore }: ListOptions): IRangeRequest {
  return {
    ...(order === "key"
      ? {}
      : { sort_target: "Create", sort_order: order === "oldest" ? "Ascend" : "Descend" }),
    ...(limit === undefined ? {} : { limit: String(limit) }),
    ...(createdBefore === undefined ? {} : { max_create_revision: String(Math.max(1, createdBefore - 1)) }),
  };
}

/** A lease id as etcd's API has it: a signed 64 bit integer, in decimal. */
export function toApi(lease: LeaseId): string {
  return BigInt.asIntN(64, BigInt(`0x${lease}`)).toString();
}

/** As etcdctl and the keys of etcd's locks have it: hex without leading zeros. */
export function fromApi(lease: string): LeaseId {
  return BigInt.asUintN(64, BigInt(lease)).toString(16);
}
