import { setTimeout as sleep } from "node:timers/promises";

/** The store, as one sees it to whom every change is told late. */
export function lateStore<S extends object>(store: S, ms: number): S {
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      if (name !== "watch") return value.bind(target);
      return async function* (...args: readonly unknown[]) {
        const batches: AsyncIterable<unknown> = Reflect.apply(value, target, args);
        for await (const batch of batches) {
          await sleep(ms);
          yield batch;
        }
      };
    },
  });
}
