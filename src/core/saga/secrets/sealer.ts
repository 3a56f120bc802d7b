import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes } from "node:crypto";
import { DcsError } from "../../errors.ts";
import type { Json } from "../definition/expression.ts";

export const KEY_VARIABLE = "DCS_SAGA_KEY";

const HINT = `make one with \`openssl rand -hex 32\` and set ${KEY_VARIABLE} to it wherever runs of this journal are executed`;
const VERSION = "v1";
const SEALED = /^v1\.([0-9a-f]{8})\.([A-Za-z0-9_-]{38,})$/;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** A value that only a holder of the key can read: `{"$sealed": "v1.KEYID.base64url(nonce, ciphertext, tag)"}`. */
export interface Sealed {
  readonly [key: string]: string;
  readonly $sealed: string;
}

export function isSealed(value: Json | undefined): value is Sealed {
  if (typeof value !== "object" || value === null || !("$sealed" in value)) return false;
  return Object.keys(value).length === 1 && typeof value.$sealed === "string" && SEALED.test(value.$sealed);
}

/**
 * AES-256-GCM with a key of 32 bytes. `place` is bound to a value: what was sealed for one input of one saga opens nowhere
 * else.
 */
export class Sealer {
  readonly #key: Buffer;
  /** Tells keys apart without telling anything of them. */
  readonly #id: string;

  constructor(key: Buffer) {
    this.#key = key;
    this.#id = createHash("sha256").update("dcs saga key id").update(key).digest("hex").slice(0, 8);
  }

  /** From `DCS_SAGA_KEY`: 32 bytes as 64 hex digits or as base64. Null when it is not set; CONFIG_INVALID for anything else. */
  static fromEnvironment(env: Readonly<NodeJS.ProcessEnv>): Sealer | null {
    const text = env[KEY_VARIABLE]?.trim();
    if (text === undefined || text === "") return null;
    const isHex = /^[0-9a-f]{64}$/i.test(text);
    const isBase64 = /^[A-Za-z0-9+/_-]{43}=?$/.test(text);
    if (!isHex && !isBase64) {
      throw new DcsError("CONFIG_INVALID", `${KEY_VARIABLE} is not a key: it has ${text.length} characters`, {
        hint: HINT,
        details: { variable: KEY_VARIABLE, allowed: "32 bytes as 64 hex digits or 44 characters of base64" },
      });
    }
    return new Sealer(Buffer.from(text, isHex ? "hex" : "base64"));
  }

  seal(value: Json, place: string): Sealed {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv("aes-256-gcm", this.#key, nonce).setAAD(Buffer.from(place));
    const parts = [nonce, cipher.update(JSON.stringify(value), "utf8"), cipher.final(), cipher.getAuthTag()];
    return { $sealed: `${VERSION}.${this.#id}.${Buffer.concat(parts).toString("base64url")}` };
  }

  /** CONFIG_INVALID for what another key sealed, JOURNAL_CORRUPT for what was changed or moved. */
  open(sealed: Sealed, place: string): Json {
    const [, id, text] = SEALED.exec(sealed.$sealed) ?? [];
    if (id !== this.#id || text === undefined) {
      const message = `${place} was sealed with another key: ${id}, and ${KEY_VARIABLE} is ${this.#id}`;
      throw new DcsError("CONFIG_INVALID", message, { hint: `set ${KEY_VARIABLE} to the key of then` });
    }
    const bytes = Buffer.from(text, "base64url");
    const body = bytes.subarray(NONCE_BYTES, -TAG_BYTES);
    const cipher = createDecipheriv("aes-256-gcm", this.#key, bytes.subarray(0, NONCE_BYTES))
      .setAAD(Buffer.from(place))
      .setAuthTag(bytes.subarray(-TAG_BYTES));
    try {
      return JSON.parse(Buffer.concat([cipher.update(body), cipher.final()]).toString("utf8")) as Json;
    } catch (cause) {
      throw new DcsError("JOURNAL_CORRUPT", `${place} cannot be opened: it was changed or moved`, { cause });
    }
  }

  /** The same for the same value, and of no use without the key: tells whether a secret has changed. */
  mark(value: Json, place: string): string {
    return createHmac("sha256", this.#key)
      .update(JSON.stringify([place, value]))
      .digest("hex");
  }
}

export function keyMissing(names: readonly string[], purpose: string): DcsError {
  const which = names.length === 1 ? `the input ${names[0]} is` : `the inputs ${names.join(", ")} are`;
  return new DcsError("CONFIG_INVALID", `${which} secret, and ${KEY_VARIABLE} is not set: ${purpose}`, {
    hint: HINT,
    details: { missing: KEY_VARIABLE, inputs: names },
  });
}
