import { type Finding, findingsOf } from "./finding.ts";
import type { ShardLook } from "./look-at-shards.ts";

/**
 * Whether servers that number rows for themselves could give two rows the same number, in keys of which the operator says that they
 * are unique (`table.key`).
 */
export function numberFindings(looks: readonly ShardLook[], unique: readonly string[]): readonly Finding[] {
  const settings = looks.map(({ info }) => info.autoIncrement);
  const offsets = new Set(settings.map(({ offset }) => offset));
  const increments = new Set(settings.map(({ increment }) => increment));
  const [increment = 1] = increments;
  const isApart = increments.size === 1 && offsets.size === looks.length && increment >= looks.length;
  if (isApart || looks.length < 2) return [];
  const infos = looks.flatMap((look) => [...look.infos.values()]);
  return [...new Set(infos.map(({ name }) => name))].flatMap((name) => {
    const info = infos.find((each) => each.name === name);
    const numbered = info?.columns.find(({ isAutoIncrement }) => isAutoIncrement);
    const key = info?.keys.find(
      (each) => unique.includes(`${name}.${each.name}`) && each.columns.includes(numbered?.name ?? ""),
    );
    if (numbered === undefined || key === undefined) return [];
    const { found, warn } = findingsOf(name);
    warn(
      "numbers-collide",
      `--unique ${name}.${key.name}: its AUTO_INCREMENT gives the same numbers on several shards, unless applications always give ${numbered.name} themselves`,
      `on every shard auto_increment_increment = ${looks.length} or more, and on each another auto_increment_offset`,
      numbered.name,
    );
    return found;
  });
}
