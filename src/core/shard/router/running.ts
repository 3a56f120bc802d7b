/** The transactions under way, by the revision of the map by which each began. */
export class Running {
  readonly #counts = new Map<number, number>();
  #waiting: (() => void)[] = [];

  /** The oldest revision by which one is still under way; null when there is none. */
  get oldest(): number | null {
    return this.#counts.size === 0 ? null : Math.min(...this.#counts.keys());
  }

  /** Counts one; the function that it gives ends it, once. */
  begin(revision: number): () => void {
    this.#counts.set(revision, (this.#counts.get(revision) ?? 0) + 1);
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      const left = (this.#counts.get(revision) ?? 1) - 1;
      if (left > 0) this.#counts.set(revision, left);
      else this.#counts.delete(revision);
      if (this.#counts.size === 0) for (const resolve of this.#waiting.splice(0)) resolve();
    };
  }

  /** Resolves when none is under way. */
  async idle(): Promise<void> {
    if (this.#counts.size > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}
