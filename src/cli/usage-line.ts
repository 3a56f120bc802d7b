import type { Command } from "@oclif/core/command";

type Flags = Command.Loadable["flags"];
type Flag = Flags[string];

/**
 * What stands behind a command's name in its usage: arguments, flags, and the command after `--` where there is one. Of flags
 * that exclude each other, two or more that all do stand together as `[--a | --b]`, each flag once; a flag that needs another
 * stands within its brackets. oclif's own generator leaves holes where a flag excludes several.
 */
export function usageLine({ args, flags, ...command }: Command.Loadable): string {
  const names = Object.values(args)
    .filter(({ hidden }) => hidden !== true)
    .map(({ name, required }) => (required === true ? name.toUpperCase() : `[${name.toUpperCase()}]`));
  const takesChild = "takesChild" in command && command["takesChild"] === true;
  return [...names, ...flagWords(flags), ...(takesChild ? ["[-- COMMAND...]"] : [])].join(" ");
}

function flagWords(flags: Flags): readonly string[] {
  const shown = Object.values(flags).filter(({ hidden }) => hidden !== true);
  const parentOf = (flag: Flag) => shown.find(({ name }) => flag.dependsOn?.[0] === name);
  const free = shown.filter((flag) => parentOf(flag) === undefined);
  const groups: Flag[][] = [];
  for (const flag of [...free.filter(isRequired), ...free.filter((each) => !isRequired(each))]) {
    if (groups.flat().includes(flag)) continue;
    const group = [flag];
    for (const other of free) {
      if (!groups.flat().includes(other) && group.every((each) => exclude(each, other))) group.push(other);
    }
    groups.push(group);
  }
  const words = (flag: Flag): string =>
    [word(flag), ...shown.filter((each) => parentOf(each) === flag).map((each) => `[${words(each)}]`)].join(
      " ",
    );
  return groups.map((group) => {
    const text = group.map(words).join(" | ");
    if (!group.some(isRequired)) return `[${text}]`;
    return group.length > 1 ? `(${text})` : text;
  });
}

function exclude(one: Flag, other: Flag): boolean {
  const named = (from: Flag, to: Flag) => from.exclusive?.includes(to.name) === true;
  return one !== other && (named(one, other) || named(other, one));
}

function isRequired(flag: Flag): boolean {
  return flag.required === true;
}

function word(flag: Flag): string {
  if (flag.type !== "option" && flag.allowNo === true) return `--[no-]${flag.name}`;
  const name = flag.char === undefined ? `--${flag.name}` : `-${flag.char}`;
  if (flag.type !== "option") return name;
  const value = flag.helpValue ?? flag.options?.join("|") ?? "<value>";
  return `${name} ${[value].flat().join(" ")}${flag.multiple === true ? "..." : ""}`;
}
