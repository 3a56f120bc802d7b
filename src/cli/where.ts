import type { Settings } from "../core/config/settings.ts";
import { redact } from "../core/util/redact.ts";
import { shellQuote } from "../core/util/shell-quote.ts";

/**
 * The flags by which another command finds the same backends, where this one was told by flag; with a leading space, or
 * nothing. `confirm` adds what a destructive verb needs on a protected context.
 */
export function sameBackend(settings: Settings, { confirm = false } = {}): string {
  const { context, store, locks, journal, protected: guarded } = settings;
  const words: string[] = [];
  if (store.origin.kind === "flag") words.push(`--store ${shellQuote(redact(store.value))}`);
  if (locks.origin.kind === "flag" && locks.value !== store.value) {
    words.push(`--locks ${shellQuote(redact(locks.value))}`);
  }
  if (journal.origin.kind === "flag") words.push(`--journal ${shellQuote(redact(journal.value))}`);
  if (context?.chosenBy.kind === "flag") words.push(`--context ${shellQuote(context.name)}`);
  if (confirm && guarded.value && context !== null) words.push(`--confirm ${shellQuote(context.name)}`);
  return words.map((word) => ` ${word}`).join("");
}
