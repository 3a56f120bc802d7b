/** What is used of autocannon 9.0.0, which has no types of its own. */
declare module "autocannon" {
  export interface Options {
    readonly url: string;
    readonly method: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: Buffer;
    readonly connections: number;
    /** Seconds. */
    readonly duration: number;
    /** Seconds, 1 at least. */
    readonly timeout: number;
    /** Ms. */
    readonly sampleInt: number;
    readonly skipAggregateResult: boolean;
    readonly setupClient: (client: unknown) => void;
  }

  export interface Tracker {
    stop(): void;
  }

  export default function autocannon(options: Options, done: (error: unknown) => void): Tracker;
}
