import { DcsError } from "../errors.ts";

const MAX_LENGTH = 512;

/**
 * A lock name as given: printable text, `/` only inside and never doubled. So no name can reach a key that begins with
 * `/` (the registry's and dcs's own). NAME_INVALID otherwise.
 */
export function checkLockName(name: string): string {
  const problem = problemOf(name);
  if (problem === null) return name;
  throw new DcsError("NAME_INVALID", `lock name ${JSON.stringify(name)} ${problem}`, {
    details: {
      value: name,
      allowed: "printable text of 1 to 512 characters, / only inside and never doubled",
    },
    hint: "use printable text, with / only inside, such as deploy/web",
  });
}

function problemOf(name: string): string | null {
  if (name === "") return "is empty";
  if (name.length > MAX_LENGTH) return `is longer than ${MAX_LENGTH} characters`;
  if (/[\p{C}\p{Zl}\p{Zp}]/u.test(name)) return "has a character that is not printable";
  if (name.trim() !== name) return "begins or ends with a space";
  if (name.startsWith("/")) return "begins with /";
  if (name.endsWith("/")) return "ends with /";
  if (name.includes("//")) return "has // in it";
  return null;
}
