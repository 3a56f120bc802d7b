import { closeSync, existsSync, openSync, statSync, unlinkSync } from "node:fs";

/** A turn older than this belongs to a process that died or stopped; it is thrown away. */
const STALE_MS = 250;

/**
 * The ticket that keeps a writer from starving.
 *
 * SQLite gives its write lock to whoever asks at the right moment, so among busy writers one can go without for
 * seconds. A writer that has waited too long makes the file `<database>-turn`; while it stands, the others let it pass.
 * Only a hint: correctness never depends on it, so every failure of the filesystem is ignored.
 */
export class Turn {
  readonly #path: string;
  #mine = false;

  constructor(databasePath: string) {
    this.#path = `${databasePath}-turn`;
  }

  /** True when another writer asked to go first. */
  mustYield(): boolean {
    if (this.#mine || !existsSync(this.#path)) return false;
    const stat = statSync(this.#path, { throwIfNoEntry: false });
    if (stat === undefined) return false;
    if (Date.now() - stat.mtimeMs < STALE_MS) return true;
    this.#remove();
    return false;
  }

  /** Asks to go first; harmless when another has asked already. */
  take(): void {
    if (this.#mine) return;
    try {
      closeSync(openSync(this.#path, "wx", 0o600));
      this.#mine = true;
    } catch {
      this.#mine = false;
    }
  }

  /** To be called as soon as the write lock is had, or given up. */
  giveBack(): void {
    if (!this.#mine) return;
    this.#mine = false;
    this.#remove();
  }

  #remove(): void {
    try {
      unlinkSync(this.#path);
    } catch {
      // Somebody else removed it.
    }
  }
}
