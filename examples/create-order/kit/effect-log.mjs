import { closeSync, fsyncSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";

/**
 * What a service has done, in order. One record holds an effect together with the key and the answer to it, so that there is
 * never one without the other. With a file each record is a line of JSON that is on the disk before anybody is told.
 */
export class EffectLog {
  /** @type {Record<string, unknown>[]} */
  records = [];
  /** @type {Map<string, Record<string, unknown>>} */
  #byKey = new Map();
  /** @type {number | null} */
  #fd = null;
  #onRecord;

  /**
   * @param {string | undefined} file
   * @param {(record: any) => void} onRecord told of each record, those of the file first
   */
  constructor(file, onRecord) {
    this.#onRecord = onRecord;
    if (file === undefined) return;
    this.#fd = openSync(file, "a+");
    const text = readFileSync(file, "utf8");
    // Whoever was killed while writing has told nobody: what has no end of line never happened.
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    ftruncateSync(this.#fd, Buffer.byteLength(whole));
    for (const line of whole.split("\n")) if (line !== "") this.#take(JSON.parse(line));
  }

  /** The record of a key, or undefined. */
  find(key) {
    return this.#byKey.get(key);
  }

  /** Durable when it returns. */
  append(record) {
    const numbered = { n: this.records.length + 1, ...record };
    if (this.#fd !== null) {
      writeSync(this.#fd, `${JSON.stringify(numbered)}\n`);
      fsyncSync(this.#fd);
    }
    this.#take(numbered);
    return numbered;
  }

  close() {
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
  }

  #take(record) {
    this.records.push(record);
    this.#byKey.set(record.key, record);
    this.#onRecord(record);
  }
}
