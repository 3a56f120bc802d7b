import type { LeaseId } from "../../store/store.ts";

/** What a router tells of itself, for logs and counters. It goes on by itself after each. */
export type RouterEvent =
  /** It has a lease, and the map of this revision. */
  | { readonly type: "joined"; readonly lease: LeaseId; readonly revision: number }
  /** No transaction by an older map is under way, and the store knows it. */
  | { readonly type: "acked"; readonly revision: number }
  /** The lease could not be renewed; it is good for `leftMs` still. */
  | { readonly type: "doubt"; readonly error: unknown; readonly leftMs: number }
  /** The lease is lost: nothing begins until it has joined again. */
  | { readonly type: "stale"; readonly error: unknown }
  /** A transaction that did nothing is tried again. `moved`: its bucket is not open where the map led. */
  | {
      readonly type: "retry";
      readonly why: "moved" | "conflict" | "lost";
      readonly bucket: number;
      readonly shard: string;
      /** Of this transaction, from 1. */
      readonly attempt: number;
      readonly error: unknown;
    };
