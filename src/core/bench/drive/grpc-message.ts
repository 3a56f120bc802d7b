import { DcsError } from "../../errors.ts";
import { readScalar } from "./grpc-scalar.ts";
import {
  type FieldDescriptor,
  GrpcTypeIndex,
  type GrpcTypes,
  type MessageDescriptor,
} from "./grpc-type-index.ts";
import { expandWellKnown, WELL_KNOWN_EXAMPLES } from "./grpc-well-known.ts";

/** The flag that gives the message. */
const FLAG = "--body";
const SHOWN = 12;

/**
 * The message that JSON says (protobuf's "ProtoJSON": fields by name or in lowerCamelCase, enums by name or number, 64 bit numbers
 * also as text, bytes in base64, timestamps and durations as text), as protobufjs takes it. By itself that leaves out fields that
 * it does not know, and makes 0 of what is no number: here it is USAGE, with the place. An empty text is an empty message.
 */
export function grpcMessage(text: string, typeName: string, types: GrpcTypes): object {
  const reader = new Reader(new GrpcTypeIndex(types), typeName);
  return reader.whole(text.trim() === "" ? {} : parseJson(text, typeName));
}

function parseJson(text: string, typeName: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw refusal(`it is no JSON: ${why}`, `give a ${typeName} as JSON, such as --body '{}'`, error);
  }
}

class Reader {
  readonly #index: GrpcTypeIndex;
  readonly #type: string;

  constructor(index: GrpcTypeIndex, type: string) {
    this.#index = index;
    this.#type = type;
  }

  whole(value: unknown): object {
    return this.#message(value, this.#type, "");
  }

  #message(given: unknown, type: string, place: string): object {
    const value = expandWellKnown(type, given);
    const message = this.#index.message(type);
    if (message === undefined) throw refusal(at(place, `has the type ${type}, which is not known`));
    if (!isObject(value)) {
      const form = WELL_KNOWN_EXAMPLES[type] ?? "an object";
      throw refusal(at(place, `is ${say(value)}, and ${type} is written as ${form}`));
    }
    const made: Record<string, unknown> = {};
    for (const [name, inner] of Object.entries(value)) {
      const field = fieldOf(message, name);
      if (field === undefined) throw unknownField(name, message, type, place);
      if (inner !== null) made[field.name] = this.#field(inner, field, type, below(place, name));
    }
    return made;
  }

  #field(value: unknown, field: FieldDescriptor, scope: string, place: string): unknown {
    const entry = this.#index.mapEntryOf(field, scope);
    if (entry !== undefined) return this.#map(value, entry, scope, place);
    if (field.label !== "LABEL_REPEATED") return this.#one(value, field, scope, place);
    if (!Array.isArray(value)) throw refusal(at(place, `is ${say(value)}, and a list is wanted`));
    return value.map((each, i) => this.#one(each, field, scope, `${place}[${i}]`));
  }

  #map(value: unknown, { field }: MessageDescriptor, scope: string, place: string): unknown {
    const [key, inner] = field;
    if (key === undefined || inner === undefined) throw new Error(`${place} is no map`);
    if (!isObject(value))
      throw refusal(at(place, `is ${say(value)}, and an object of names and values is wanted`));
    const entries = Object.entries(value).map(([name, each]) => ({
      key: this.#one(key.type === "TYPE_BOOL" ? name === "true" : name, key, scope, below(place, name)),
      value: this.#one(each, inner, scope, below(place, name)),
    }));
    if (this.#index.mapsAre === "entries") return entries;
    return Object.fromEntries(Object.keys(value).map((name, i) => [name, entries[i]?.value]));
  }

  #one(value: unknown, field: FieldDescriptor, scope: string, place: string): unknown {
    if (field.type === "TYPE_MESSAGE" || field.type === "TYPE_GROUP") {
      const type = this.#index.messageOf(field, scope) ?? field.typeName;
      return this.#message(value, type, place);
    }
    if (field.type === "TYPE_ENUM") return this.#enum(value, field, scope, place);
    const scalar = readScalar(value, field.type);
    if ("problem" in scalar) throw refusal(at(place, `is ${say(value)}, and ${scalar.problem}`));
    return scalar.value;
  }

  #enum(value: unknown, field: FieldDescriptor, scope: string, place: string): number {
    const known = this.#index.enumOf(field, scope)?.value ?? [];
    // Numbers that have no name yet are allowed.
    if (typeof value === "number" && Number.isInteger(value)) return value;
    const found = known.find(({ name }) => name === value);
    if (found !== undefined) return found.number;
    throw refusal(at(place, `is ${say(value)}, and there is ${list(known.map(({ name }) => name))}`));
  }
}

function fieldOf({ field }: MessageDescriptor, name: string): FieldDescriptor | undefined {
  return field.find((each) => each.name === name) ?? field.find((each) => lowerCamel(each.name) === name);
}

function lowerCamel(name: string): string {
  return name.replace(/_(.)/g, (_, next: string) => next.toUpperCase());
}

function unknownField(name: string, { field }: MessageDescriptor, type: string, place: string): DcsError {
  const there = field.length === 0 ? "it has none" : `there is ${list(field.map((each) => each.name))}`;
  return refusal(
    `${place === "" ? "" : `in ${place}: `}${type} has no field ${JSON.stringify(name)}; ${there}`,
  );
}

function refusal(why: string, hint = "correct the message", cause?: unknown): DcsError {
  return new DcsError("USAGE", `${FLAG}: ${why}`, {
    hint,
    details: { flag: FLAG },
    ...(cause === undefined ? {} : { cause }),
  });
}

function at(place: string, what: string): string {
  return `${place === "" ? "the message" : place} ${what}`;
}

function below(place: string, name: string): string {
  return place === "" ? name : `${place}.${name}`;
}

function list(names: readonly string[]): string {
  const more = names.length - SHOWN;
  return `${names.slice(0, SHOWN).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

function say(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
