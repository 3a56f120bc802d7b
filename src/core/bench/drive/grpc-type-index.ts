import type { PackageDefinition } from "@grpc/proto-loader";

/** What of protobuf's FieldDescriptorProto is looked at, as proto-loader gives it. */
export interface FieldDescriptor {
  /** As in the .proto file. */
  readonly name: string;
  readonly label: string;
  /** `TYPE_INT32`… */
  readonly type: string;
  /** Of messages and enums, seen from where the field stands. */
  readonly typeName: string;
}

export interface EnumDescriptor {
  readonly name: string;
  readonly value: readonly { readonly name: string; readonly number: number }[];
}

export interface MessageDescriptor {
  readonly name: string;
  readonly field: readonly FieldDescriptor[];
  readonly nestedType: readonly MessageDescriptor[];
  readonly enumType: readonly EnumDescriptor[];
  readonly options: { readonly mapEntry?: boolean } | null;
}

/** The types of a gRPC service. */
export interface GrpcTypes {
  readonly definitions: PackageDefinition;
  /**
   * How protobufjs knows maps: as what they are when it has read a .proto file, as lists of entries when it was given descriptors
   * (which is what they are on the wire).
   */
  readonly mapsAre: "objects" | "entries";
}

/** Messages and enums by their full names, those inside of messages as well. */
export class GrpcTypeIndex {
  readonly mapsAre: GrpcTypes["mapsAre"];
  readonly #messages = new Map<string, MessageDescriptor>();
  readonly #enums = new Map<string, EnumDescriptor>();

  constructor({ definitions, mapsAre }: GrpcTypes) {
    this.mapsAre = mapsAre;
    for (const [name, definition] of Object.entries(definitions)) {
      if (!("type" in definition)) continue;
      if (String(definition.format).endsWith("EnumDescriptorProto")) {
        this.#enums.set(name, definition.type as EnumDescriptor);
      } else this.#add(name, definition.type as MessageDescriptor);
    }
  }

  message(name: string): MessageDescriptor | undefined {
    return this.#messages.get(name);
  }

  /** The full name of the message that a field of the message `scope` has. */
  messageOf({ typeName }: FieldDescriptor, scope: string): string | undefined {
    return namesSeenFrom(scope, typeName).find((name) => this.#messages.has(name));
  }

  enumOf({ typeName }: FieldDescriptor, scope: string): EnumDescriptor | undefined {
    const name = namesSeenFrom(scope, typeName).find((each) => this.#enums.has(each));
    return name === undefined ? undefined : this.#enums.get(name);
  }

  /** The entries of a field that is a map: fields `key` and `value`. */
  mapEntryOf(field: FieldDescriptor, scope: string): MessageDescriptor | undefined {
    if (field.label !== "LABEL_REPEATED" || field.type !== "TYPE_MESSAGE") return undefined;
    // protobufjs names the entries of a map that it read itself after the field; a message may have the same name.
    const own = field.name.charAt(0).toUpperCase() + field.name.slice(1);
    if (this.mapsAre === "objects" && field.typeName !== own) return undefined;
    const inside = this.#messages.get(scope)?.nestedType ?? [];
    return inside.find((each) => isMapEntry(each) && each.name === field.typeName.split(".").at(-1));
  }

  #add(name: string, message: MessageDescriptor): void {
    this.#messages.set(name, message);
    for (const each of message.enumType) this.#enums.set(`${name}.${each.name}`, each);
    for (const each of message.nestedType) if (!isMapEntry(each)) this.#add(`${name}.${each.name}`, each);
  }
}

/** protobufjs says of messages that have maps that they are entries, too. */
function isMapEntry({ options, field: [first, second, third] }: MessageDescriptor): boolean {
  return (
    options?.mapEntry === true && first?.name === "key" && second?.name === "value" && third === undefined
  );
}

/** What a name may mean inside of `scope`, the nearest first. */
function namesSeenFrom(scope: string, name: string): readonly string[] {
  const parts = scope.split(".");
  return Array.from({ length: parts.length + 1 }, (_, i) =>
    [...parts.slice(0, parts.length - i), name.replace(/^\./, "")].join("."),
  );
}
