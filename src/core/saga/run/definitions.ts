import { join } from "node:path";
import { DcsError } from "../../errors.ts";
import type { Definition } from "../definition/definition.ts";
import { parseDefinition, type ReadDefinition } from "../definition/read-definition.ts";
import type { Journal, StoredDefinition } from "../journal/journal.ts";

/** The definitions that runs pin, each read and parsed once. */
export class Definitions {
  readonly #journal: Journal;
  readonly #known = new Map<string, Promise<Definition>>();

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /** Keeps one that was read from a file. */
  async put(read: ReadDefinition): Promise<void> {
    const { definition, text, hash } = read;
    if (this.#known.has(hash)) return;
    await this.#journal.putDefinition({
      hash,
      saga: definition.saga,
      body: text,
      directory: definition.directory,
    });
    this.#known.set(hash, Promise.resolve(definition));
  }

  /** JOURNAL_CORRUPT where the journal has none with that hash; SAGA_INVALID where this version cannot read it. */
  get(hash: string): Promise<Definition> {
    const known = this.#known.get(hash) ?? this.#load(hash);
    this.#known.set(hash, known);
    known.catch(() => this.#known.delete(hash));
    return known;
  }

  async #load(hash: string): Promise<Definition> {
    const stored = await this.#journal.definition(hash);
    if (stored === null) {
      throw new DcsError("JOURNAL_CORRUPT", `the journal has no definition ${hash}`, { details: { hash } });
    }
    return (await parseStored(stored)).definition;
  }
}

function parseStored({ body, directory, saga, hash }: StoredDefinition): Promise<ReadDefinition> {
  // Names the text in errors; the file itself may have changed since, or be on another machine.
  return parseDefinition(body, join(directory, `${saga}@${hash.slice(0, 12)}.yaml`));
}
