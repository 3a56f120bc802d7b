import { DcsError } from "../../core/errors.ts";

const HEADER = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*)$/s;
/** What a field of HTTP may hold: printable Latin-1, and tabs. */
const VALUE = /^[\t\u0020-\u007e\u0080-\u00ff]*$/;
/** They say how a request goes over its connection, which is not the caller's to say. */
const OWN: readonly string[] = [
  "content-length",
  "expect",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

/** `NAME:VALUE` of `--header`, as name and value. USAGE for what is none, or cannot be sent. */
export function parseHeader(text: string): readonly [string, string] {
  const [, name, value] = HEADER.exec(text) ?? [];
  const shown = text.split(":")[0] ?? "";
  if (name === undefined || value === undefined) {
    throw wrong(`"${shown}" is not followed by a value, or is no name`, shown);
  }
  if (!VALUE.test(value)) {
    throw wrong(
      `the value of "${name}" holds what no header may: a line break, or letters outside Latin-1`,
      name,
    );
  }
  if (OWN.includes(name.toLowerCase())) {
    throw wrong(`"${name}" says how a request is sent, which dcs does itself`, name);
  }
  return [name, value.trimEnd()];
}

/** Values may be secrets, and are not shown. */
function wrong(why: string, value: string): DcsError {
  return new DcsError("USAGE", `--header: ${why}`, {
    hint: "write NAME:VALUE, such as --header 'accept: text/plain'",
    details: { flag: "--header", value, allowed: "NAME:VALUE" },
  });
}
