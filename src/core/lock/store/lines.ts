import type { Store } from "../../store/store.ts";
import { QueueView } from "./queue-view.ts";

/** A place in a line, until it is disposed of. */
export interface InLine extends Disposable {
  /** What it shares with the others of this process; null for one who looks for itself. */
  readonly view: QueueView | null;
}

/**
 * Who of this process waits for which lock. One alone watches the place before its own, so that many processes do not all
 * wake at each change; from the second on they share a view of the whole queue.
 */
export class Lines {
  readonly #store: Store;
  readonly #lines = new Map<string, { waiting: number; view: QueueView | null }>();

  constructor(store: Store) {
    this.#store = store;
  }

  enter(name: string): InLine {
    const line = this.#lines.get(name) ?? { waiting: 0, view: null };
    this.#lines.set(name, line);
    line.waiting++;
    if (line.view?.isOver) line.view = null;
    if (line.view === null && line.waiting > 1) {
      line.view = new QueueView(this.#store, name);
      void line.view.run();
    }
    return {
      view: line.view,
      [Symbol.dispose]: () => {
        line.waiting--;
        if (line.waiting === 0) this.#lines.delete(name);
      },
    };
  }
}
