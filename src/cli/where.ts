import type { Settings } from "../core/config/settings.ts";
import { redact } from "../core/util/redact.ts";
import { shellQuote } from "../core/util/shell-quote.ts";

const LEFT_OUT = "  # with the password in place of ***, which is not shown";

/**
 * The flags by which another command finds the same backends, where this one was told by flag; with a leading space, or
 * nothing. Passwords are left out of URLs, and a comment at the end says so: put nothing behind it. `confirm` adds what a
 * destructive verb needs on a protected context.
 */
export function sameBackend(settings: Settings, { confirm = false } = {}): string {
  const { context, store, locks, journal, protected: guarded } = settings;
  const words: string[] = [];
  const urls: string[] = [];
  if (store.origin.kind === "flag") {
    words.push(`--store ${shellQuote(redact(store.value))}`);
    urls.push(store.value);
  }
  if (locks.origin.kind === "flag" && locks.value !== store.value) {
    words.push(`--locks ${shellQuote(redact(locks.value))}`);
    urls.push(locks.value);
  }
  if (journal.origin.kind === "flag") words.push(`--journal ${shellQuote(redact(journal.value))}`);
  if (context?.chosenBy.kind === "flag") words.push(`--context ${shellQuote(context.name)}`);
  if (confirm && guarded.value && context !== null) words.push(`--confirm ${shellQuote(context.name)}`);
  if (urls.some((url) => redact(url) !== url)) words.push(LEFT_OUT);
  return words.map((word) => ` ${word}`).join("");
}
