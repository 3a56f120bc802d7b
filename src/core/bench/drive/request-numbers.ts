/** The numbers of one request, that make its keys differ from those of others. */
export interface RequestNumbers {
  /** Counts the requests of a run; no two workers use the same one. */
  readonly n: number;
  /** By chance, of 32 bits. */
  readonly r: number;
}

/** A text with the numbers of a request in the places of its `{n}` and `{r}`. */
export type Template = (numbers: RequestNumbers) => string;

export function template(text: string): Template {
  const parts = text.split(/\{([nr])\}/);
  if (parts.length === 1) return () => text;
  return ({ n, r }) => {
    let filled = parts[0] ?? "";
    // Texts and names take turns.
    for (let i = 1; i < parts.length; i += 2) filled += `${parts[i] === "n" ? n : r}${parts[i + 1] ?? ""}`;
    return filled;
  };
}

export interface NumberingOptions {
  /** This one, from 0, and how many there are. */
  readonly worker: number;
  readonly workers: number;
  /** [0, 1). */
  readonly random?: () => number;
}

/** The numbers of one worker's requests, one after the other. */
export function numbering({ worker, workers, random = Math.random }: NumberingOptions): () => RequestNumbers {
  let next = worker;
  return () => {
    const n = next;
    next += workers;
    return { n, r: Math.floor(random() * 2 ** 32) };
  };
}
