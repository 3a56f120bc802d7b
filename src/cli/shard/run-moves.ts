import type { ShardStore } from "../../core/shard/map/shard-store.ts";
import { MOVE_OPTIONS } from "../../core/shard/move/move-deps.ts";
import { type RebalanceResult, Rebalancer, type WantedMove } from "../../core/shard/move/rebalancer.ts";
import { MoveBoard } from "../../core/shard/operate/move-board.ts";
import { shardTarget } from "../../core/shard/shard-url.ts";
import { formatByteSize } from "../../core/util/byte-size.ts";
import { systemClock } from "../../core/util/clock.ts";
import { formatDuration } from "../../core/util/duration.ts";
import { keepHeapSmall } from "../../core/util/small-heap.ts";
import type { MovesView } from "../../views/moves-view.ts";
import { wantsColour } from "../colour.ts";
import { printable } from "../text.ts";
import type { MoveFlags } from "./move-flags.ts";
import { isLive, type ShardPlaces } from "./shard-places.ts";
import { MoveTeller } from "./tell-moves.ts";

export const CONCURRENCY = 2;
const TTL_MS = 10_000;

export interface MovesRequest {
  readonly shards: ShardStore;
  readonly flags: MoveFlags;
  /** What the moves are known to be before they begin. */
  readonly wanted: readonly WantedMove[];
  /** What the plan said it would take, ms. */
  readonly expectedMs: number | null;
  /** The head line of the live view. */
  readonly title: string;
  readonly work: (rebalancer: Rebalancer) => Promise<RebalanceResult>;
}

/** Runs moves, and shows how far they are: a live view on a terminal, else a line or an object for each thing that happens. */
export async function runMoves(request: MovesRequest, places: ShardPlaces): Promise<RebalanceResult> {
  const { shards, flags, wanted, expectedMs } = request;
  const { out, settings, signal, store } = places;
  const clock = systemClock;
  keepHeapSmall();
  const board = new MoveBoard({ wanted, expectedMs, clock });
  using teller = new MoveTeller(out, clock);
  const view = await openView(request, board, places);
  const concurrency = flags.concurrency ?? CONCURRENCY;
  const lag = flags["throttle-lag"];
  try {
    await using rebalancer = await Rebalancer.open({
      ...{ shards, store, clock, signal, concurrency, ttlMs: TTL_MS },
      target: (shard) => shardTarget(shard, process.env),
      options: {
        ...MOVE_OPTIONS,
        timeoutMs: settings.timeoutMs.value,
        maxPauseMs: flags["max-pause"] ?? MOVE_OPTIONS.maxPauseMs,
        maxThreads: flags["throttle-threads"] ?? MOVE_OPTIONS.maxThreads,
        windowMs: flags["reverse-window"] ?? MOVE_OPTIONS.windowMs,
        maxRate: flags["max-rate"] ?? MOVE_OPTIONS.maxRate,
        maxLagS: lag === undefined ? MOVE_OPTIONS.maxLagS : lag / 1000,
      },
      onEvent: (event) => {
        board.take(event);
        if (view === null) teller.take(event);
        else view.changed();
      },
    });
    return await request.work(rebalancer);
  } finally {
    await view?.end();
  }
}

/** On a terminal, unless -q or another form was asked for. */
async function openView(
  { title }: MovesRequest,
  board: MoveBoard,
  places: ShardPlaces,
): Promise<MovesView | null> {
  if (!isLive(places)) return null;
  const { showMoves } = await import("../../views/moves-view.ts");
  return showMoves({
    ...{ title, printable, duration: formatDuration, size: formatByteSize },
    color: wantsColour(process.stderr),
    look: () => board.view(),
  });
}
