import type { YamlPath } from "../../util/yaml-places.ts";
import type { Action, TemplateTree } from "./definition.ts";
import { Template } from "./template.ts";

/** A template of an action and where it stands there. */
export interface PlacedTemplate {
  readonly template: Template;
  readonly path: YamlPath;
}

/** Every template of an action. */
export function templatesOf(action: Action): readonly PlacedTemplate[] {
  switch (action.type) {
    case "http":
      return [
        { template: action.url, path: ["http"] },
        ...Object.entries(action.headers).map(([name, template]) => ({ template, path: ["headers", name] })),
        ...inTree(action.body, ["body"]),
      ];
    case "exec":
      return action.argv.map((template, index) => ({ template, path: ["exec", index] }));
    case "module":
      return inTree(action.with, ["with"]);
  }
}

function inTree(tree: TemplateTree | undefined, path: YamlPath): readonly PlacedTemplate[] {
  if (tree instanceof Template) return [{ template: tree, path }];
  if (typeof tree !== "object" || tree === null) return [];
  return Object.entries(tree).flatMap(([key, each]: [string, TemplateTree]) =>
    inTree(each, [...path, Array.isArray(tree) ? Number(key) : key]),
  );
}

/** Names of the steps whose output an action reads. A checked definition names each: none is worked out. */
export function outputsReadBy(action: Action): ReadonlySet<string> {
  const references = templatesOf(action).flatMap(({ template }) => template.references);
  return new Set(
    references.flatMap(([context, name]) =>
      context?.toLowerCase() === "steps" && name !== undefined ? [name] : [],
    ),
  );
}
