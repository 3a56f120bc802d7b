import { operationError } from "./operation-error.ts";

/** One word after another: runs of plain text, of escaped characters, and of what stands in quotes. */
const PIECE = /(\s+)|'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)|([^\s'"\\]+)/gsy;

/**
 * The words of an operation, split as a POSIX shell splits a line without expanding anything: 'as it is', "with \" and \\",
 * and \ before a single character. USAGE where a quote or a \ has no end.
 */
export function splitWords(text: string): readonly string[] {
  const words: string[] = [];
  let word: string | null = null;
  let end = 0;
  for (const match of text.matchAll(PIECE)) {
    const [piece, space, single, double, escaped, plain] = match;
    end = match.index + piece.length;
    if (space === undefined) {
      word = `${word ?? ""}${single ?? double?.replace(/\\([\\"$`])/g, "$1") ?? escaped ?? plain ?? ""}`;
    } else if (word !== null) {
      words.push(word);
      word = null;
    }
  }
  if (end < text.length) {
    const rest = text.slice(end);
    const what = rest.startsWith("\\") ? "\\ at the end stands before nothing" : `${rest[0]} has no end`;
    throw operationError(text, `the ${what}`, `quote words as in a shell: --op 'SET key "two words"'`);
  }
  if (word !== null) words.push(word);
  return words;
}
