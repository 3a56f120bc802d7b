// redlock ships types that its package.json does not lead to.
declare module "redlock" {
  import type { Redis } from "ioredis";

  interface Lock {
    extend(durationMs: number): Promise<Lock>;
    /** Epoch ms. */
    readonly expiration: number;
    release(): Promise<unknown>;
  }

  export default class Redlock {
    constructor(
      clients: Iterable<Redis>,
      settings?: { retryCount?: number; retryDelay?: number; retryJitter?: number },
    );
    acquire(resources: string[], durationMs: number): Promise<Lock>;
    using<T>(resources: string[], durationMs: number, routine: () => Promise<T>): Promise<T>;
  }
}
