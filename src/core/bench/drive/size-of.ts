/** How many bytes an answer has, by what it says: texts and numbers as text, without what the protocol puts around them. */
export function sizeOf(answer: unknown): number {
  if (typeof answer === "string") return Buffer.byteLength(answer);
  if (typeof answer === "number" || typeof answer === "bigint") return String(answer).length;
  if (answer === null || typeof answer !== "object") return 0;
  if (answer instanceof Uint8Array) return answer.length;
  let size = 0;
  for (const each of Array.isArray(answer) ? answer : Object.values(answer)) size += sizeOf(each);
  return size;
}
