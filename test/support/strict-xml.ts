/** An element of a parsed document. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlElement[];
  /** Of the element itself, not of its children. */
  readonly text: string;
}

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
/** What XML 1.0 allows, section 2.2. */
const CHARACTERS = /^[\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u;
const TAG = /^<(\/?)([A-Za-z][\w.-]*)((?:\s+[A-Za-z][\w.-]*="[^"<]*")*)(\/?)>/;
const ATTRIBUTE = /\s+([A-Za-z][\w.-]*)="([^"<]*)"/g;

/** Reads the little of XML 1.0 that reports are written in, and throws at whatever is not exactly that. */
export function parseXml(xml: string): XmlElement {
  if (!CHARACTERS.test(xml)) throw new Error("a character that XML does not have");
  const declaration = /^<\?xml version="1\.0" encoding="UTF-8"\?>\n/.exec(xml);
  if (declaration === null) throw new Error("no declaration");
  interface Open {
    readonly name: string;
    readonly attributes: Record<string, string>;
    readonly children: XmlElement[];
    text: string;
  }
  const root: Open = { name: "", attributes: {}, children: [], text: "" };
  const open: Open[] = [root];
  let rest = xml.slice(declaration[0].length);
  while (rest !== "") {
    const here = open.at(-1) ?? root;
    if (!rest.startsWith("<")) {
      const end = rest.includes("<") ? rest.indexOf("<") : rest.length;
      const text = rest.slice(0, end);
      if (here === root && text.trim() !== "") throw new Error(`text outside of elements: ${text}`);
      if (text.includes("]]>")) throw new Error("]]> in text");
      here.text += unescapeXml(text);
      rest = rest.slice(end);
      continue;
    }
    const [tag, slash, name = "", attributes = "", empty] = TAG.exec(rest) ?? [];
    if (tag === undefined) throw new Error(`no tag: ${rest.slice(0, 60)}`);
    rest = rest.slice(tag.length);
    if (slash === "/") {
      if (here.name !== name || attributes !== "") throw new Error(`</${name}> closes <${here.name}>`);
      open.pop();
      continue;
    }
    const element: Open = { name, attributes: {}, children: [], text: "" };
    for (const [, key = "", value = ""] of attributes.matchAll(ATTRIBUTE)) {
      if (Object.hasOwn(element.attributes, key)) throw new Error(`${key} twice`);
      element.attributes[key] = unescapeXml(value);
    }
    here.children.push(element);
    if (empty !== "/") open.push(element);
  }
  if (open.length !== 1) throw new Error(`<${open.at(-1)?.name}> is not closed`);
  const [only, ...more] = root.children;
  if (only === undefined || more.length > 0) throw new Error("not one root element");
  return only;
}

function unescapeXml(text: string): string {
  return text.replace(/&([^;]*;?)/g, (whole, entity: string) => {
    const character = entity.endsWith(";") ? ENTITIES[entity.slice(0, -1)] : undefined;
    if (character === undefined) throw new Error(`no entity: ${whole}`);
    return character;
  });
}
