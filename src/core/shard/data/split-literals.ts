/**
 * The values of a primary key as SQL writes it, `12,'a\'b',_latin1 x'00'`, each by itself. Of our own making only (literalSql):
 * inside of quotes a backslash takes the next character with it.
 */
export function splitLiterals(text: string): readonly string[] {
  const values: string[] = [];
  let begin = 0;
  let isQuoted = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (isQuoted && char === "\\") at++;
    else if (char === "'") isQuoted = !isQuoted;
    else if (char === "," && !isQuoted) {
      values.push(text.slice(begin, at));
      begin = at + 1;
    }
  }
  values.push(text.slice(begin));
  return values;
}
