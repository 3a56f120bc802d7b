import { hash } from "node:crypto";
import { canonicalJson } from "../../util/canonical-json.ts";
import type { TemplateTree } from "../definition/definition.ts";
import type { Contexts, Json } from "../definition/expression.ts";
import { Template } from "../definition/template.ts";

type Put = (value: string, before: string) => string;

/** Works out the templates of an action. */
export interface Rendering {
  text(template: Template, put?: Put): string;
  tree(tree: TemplateTree): Json;
}

/** As it is sent. Throws an Error where a value is not there. */
export function sentRendering(contexts: Contexts): Rendering {
  const rendering: Rendering = {
    text(template, put) {
      checkSecrets(template, contexts);
      return template.text(contexts, put);
    },
    tree: (tree) =>
      mapTree(tree, (template) => {
        checkSecrets(template, contexts);
        return template.value(contexts);
      }),
  };
  return rendering;
}

/**
 * As it is hashed: never throws. What cannot be worked out from marks (`fromJSON(secrets.X).token`) counts as its source and
 * all that it could have read.
 */
export function hashedRendering(contexts: Contexts): Rendering {
  const orSource = <T>(template: Template, work: () => T): T | string => {
    try {
      return work();
    } catch {
      const read = [...new Set(template.references.map(([name]) => name ?? ""))].map(
        (name) => contexts[name],
      );
      return JSON.stringify([template.source, read]);
    }
  };
  return {
    text: (template, put) => orSource(template, () => template.text(contexts, put)),
    tree: (tree) => mapTree(tree, (template) => orSource(template, () => template.value(contexts))),
  };
}

/** SHA-256 of a value as JSON with sorted names, hex. */
export function hashOf(value: Json): string {
  return hash("sha256", canonicalJson(value));
}

/** A secret that is not there would be sent as null in a body. */
function checkSecrets({ references }: Template, contexts: Contexts): void {
  const there = Object.keys((contexts["secrets"] ?? {}) as object).map((name) => name.toLowerCase());
  for (const [context, name] of references) {
    if (context?.toLowerCase() !== "secrets" || name === undefined) continue;
    if (!there.includes(name.toLowerCase())) {
      throw new Error(
        `secrets.${name} has no value: DCS_SECRET_${name} is not set where the run is executed`,
      );
    }
  }
}

function mapTree(tree: TemplateTree, value: (template: Template) => Json): Json {
  if (tree instanceof Template) return value(tree);
  if (typeof tree !== "object" || tree === null) return tree;
  if (isList(tree)) return tree.map((each) => mapTree(each, value));
  return Object.fromEntries(Object.entries(tree).map(([key, each]) => [key, mapTree(each, value)]));
}

function isList(
  tree: Exclude<TemplateTree, Template | string | number | boolean | null>,
): tree is readonly TemplateTree[] {
  return Array.isArray(tree);
}
