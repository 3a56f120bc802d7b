/** What each thing may be now: what the last acknowledged write made of it, or a later one whose fate nobody told. */
export class Truth<State> {
  readonly #may = new Map<string, readonly (State | null)[]>();

  /** It is so since this write; null: it is not there any more. */
  acknowledged(key: string, state: State | null): void {
    this.#may.set(key, [state]);
  }

  /** Perhaps it is so since this write. */
  unknown(key: string, state: State | null): void {
    this.#may.set(key, [...this.of(key), state]);
  }

  /** What nobody wrote is not there. */
  of(key: string): readonly (State | null)[] {
    return this.#may.get(key) ?? [null];
  }

  get all(): ReadonlyMap<string, readonly (State | null)[]> {
    return this.#may;
  }
}
