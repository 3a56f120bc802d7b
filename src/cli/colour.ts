import { Chalk } from "chalk";

type Environment = Readonly<Record<string, string | undefined>>;

/** What of a stream decides about colour. */
export interface ColourStream {
  readonly isTTY?: boolean;
}

/**
 * Whether to colour what goes to `stream`. First that applies: NO_COLOR (any non-empty value) → no; FORCE_COLOR → yes
 * unless 0/false; CLICOLOR_FORCE (not 0) → yes; TERM=dumb → no; CLICOLOR=0 → no; else whether the stream is a TTY.
 */
export function wantsColour(stream: ColourStream, env: Environment = process.env): boolean {
  if (env["NO_COLOR"]) return false;
  const force = env["FORCE_COLOR"];
  if (force !== undefined) return force !== "0" && force !== "false";
  const cliForce = env["CLICOLOR_FORCE"];
  if (cliForce !== undefined && cliForce !== "" && cliForce !== "0") return true;
  if (env["TERM"] === "dumb" || env["CLICOLOR"] === "0") return false;
  return stream.isTTY === true;
}

type Style = "red" | "green" | "yellow" | "blue" | "magenta" | "cyan" | "bold" | "dim" | "underline";

/** One function a style; they return the text unchanged where colour is off. */
export type Paint = Readonly<Record<Style, (text: string) => string>>;

// Chalk itself looks at FORCE_COLOR and the terminal, but not at NO_COLOR: the decision is made here, and told to it.
const COLOURED: Paint = new Chalk({ level: 1 });
const PLAIN: Paint = new Chalk({ level: 0 });

/** Styles for what is written to `stream`: `paint(process.stderr).red("x")`. */
export function paint(stream: ColourStream, env: Environment = process.env): Paint {
  return wantsColour(stream, env) ? COLOURED : PLAIN;
}
