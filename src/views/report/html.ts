/** Text that is HTML already. */
export interface Markup {
  readonly markup: string;
}

export type Insertion = string | number | Markup | null | readonly Insertion[];

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** HTML from a template. What is put in is escaped, for text and for quoted attributes alike, unless it is markup; null is nothing. */
export function html(strings: TemplateStringsArray, ...insertions: readonly Insertion[]): Markup {
  const parts = strings.map((part, index) => part + render(insertions[index] ?? null));
  return { markup: parts.join("") };
}

/** Taken as it is: only for what nobody else had a hand in. */
export function trusted(markup: string): Markup {
  return { markup };
}

/** JSON that can stand in a `script` element: nothing in it ends the element or begins a comment. */
export function scriptJson(value: unknown): Markup {
  return { markup: JSON.stringify(value).replaceAll("<", "\\u003c") };
}

function render(insertion: Insertion): string {
  if (insertion === null) return "";
  if (typeof insertion === "string") return insertion.replace(/[&<>"']/g, (char) => ENTITIES[char] ?? "");
  if (typeof insertion === "number") return String(insertion);
  return "markup" in insertion ? insertion.markup : insertion.map(render).join("");
}
