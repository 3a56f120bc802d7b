/** What a judge says: yes, no, or that it cannot say. */
export type Verdict = "PASS" | "FAIL" | "INVALID";

/** Exit status of a verdict. */
export const VERDICT_EXIT: Readonly<Record<Verdict, number>> = { PASS: 0, FAIL: 99, INVALID: 98 };
