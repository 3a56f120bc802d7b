import type { Call } from "./driver.ts";
import type { HttpConnection } from "./http-driver.ts";
import { HttpFlight, type HttpLane, type HttpShot } from "./http-flight.ts";

export interface HttpLanesOptions {
  readonly open: () => HttpConnection;
  readonly shot: HttpShot;
  /** Connections at most; null: as many as are needed. */
  readonly connections: number | null;
  /** Requests at a time on one of them: 1, or the streams of HTTP/2. */
  readonly streams: number;
}

/**
 * The connections to one origin. A request goes to the one that was free last, or to a new one, or waits for the first that is
 * free, in the order of coming. (undici's own pool looks through all of its connections for each request.)
 */
export class HttpLanes {
  readonly #o: HttpLanesOptions;
  readonly #all: HttpLane[] = [];
  /** With room, the last used at the end; each stands here once. */
  readonly #free: HttpLane[] = [];
  readonly #waiting = new Set<HttpFlight>();

  constructor(options: HttpLanesOptions) {
    this.#o = options;
  }

  send(call: Call): void {
    const flight = new HttpFlight(call, this.#o.shot, this.#release);
    call.cancel = () => {
      this.#waiting.delete(flight);
      flight.cancel();
    };
    const lane = this.#take();
    if (lane === null) this.#waiting.add(flight);
    else flight.begin(lane);
  }

  async close(): Promise<void> {
    this.#waiting.clear();
    await Promise.allSettled(this.#all.map((lane) => lane.destroy()));
  }

  #take(): HttpLane | null {
    const { connections, streams, open } = this.#o;
    const lane = this.#free.at(-1);
    if (lane !== undefined) {
      lane.free -= 1;
      if (lane.free === 0) this.#free.pop();
      return lane;
    }
    if (connections !== null && this.#all.length >= connections) return null;
    const made: HttpLane = { ...open(), free: streams - 1 };
    this.#all.push(made);
    if (made.free > 0) this.#free.push(made);
    return made;
  }

  readonly #release = (lane: HttpLane): void => {
    const [next] = this.#waiting;
    if (next !== undefined) {
      this.#waiting.delete(next);
      next.begin(lane);
      return;
    }
    lane.free += 1;
    if (lane.free === 1) this.#free.push(lane);
  };
}
