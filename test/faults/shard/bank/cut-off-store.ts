import { DcsError } from "../../../../src/core/errors.ts";
import type { Store } from "../../../../src/core/store/store.ts";
import { until } from "../../../support/until.ts";

/** A store that its user can be cut off from: calls fail, and a watch tells nothing. */
export class CutOffStore {
  isCut = false;
  readonly store: Store;

  constructor(store: Store) {
    const isCut = () => this.isCut;
    const refuse = () => new DcsError("STORE_UNREACHABLE", "cut off", { details: { outcome: "unknown" } });
    this.store = new Proxy(store, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        if (name === "close") return value.bind(target);
        if (name === "watch") {
          return async function* (...args: Parameters<Store["watch"]>) {
            for await (const batch of target.watch(...args)) {
              await until(() => !isCut(), 600_000, 50);
              yield batch;
            }
          };
        }
        return async (...args: readonly unknown[]) => {
          if (isCut()) throw refuse();
          const result: unknown = await Reflect.apply(value, target, args);
          if (isCut()) throw refuse();
          return result;
        };
      },
    });
  }
}
