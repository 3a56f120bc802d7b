import { setTimeout as sleep } from "node:timers/promises";
import { Box, render, Text, useWindowSize } from "ink";
import { createElement as h, type ReactElement, useEffect, useState } from "react";
import type { BoardView } from "../core/shard/operate/move-board.ts";

export interface MovesViewOptions {
  /** The head line: what is done, and where. */
  readonly title: string;
  readonly color: boolean;
  /** Makes text from servers harmless for a terminal. */
  readonly printable: (text: string) => string;
  readonly duration: (ms: number) => string;
  readonly size: (bytes: number) => string;
  /** How far everything is now. */
  readonly look: () => BoardView;
}

/** The live view; `end` draws the last state and leaves it on the screen. */
export interface MovesView {
  /** Something happened: draw it soon. */
  changed(): void;
  end(): Promise<void>;
}

/** Redrawing more often than this tires the eye and the terminal. */
const FRAME_MS = 100;
/** Times and rates go on also when nothing happens. */
const IDLE_MS = 1000;
/** By then the last frame is drawn. */
const LAST_MS = 50;
/** The bar, and what stands beside it, fit into a line from so many columns on. */
const WIDE = 80;
const BAR = 30;
const SHORT_BAR = 10;
const ENDED_SHOWN = 3;

/** Shows the moves of a rebalance: a bar for all of them, a line for each that is under way. Draws on stderr. */
export function showMoves(options: MovesViewOptions): MovesView {
  let publish: (view: BoardView) => void = () => {};
  const subscribe = (listener: (view: BoardView) => void) => {
    publish = listener;
    listener(options.look());
  };
  // The terminal stays as it is, so that Ctrl-C is a signal, which stops the moves cleanly.
  const app = render(h(Moves, { ...options, subscribe }), {
    exitOnCtrlC: false,
    stdout: process.stderr,
    patchConsole: false,
  });
  let pending: NodeJS.Timeout | undefined;
  let drawn = 0;
  const draw = () => {
    clearTimeout(pending);
    pending = undefined;
    drawn = performance.now();
    publish(options.look());
  };
  const idle = setInterval(draw, IDLE_MS);
  return {
    changed() {
      pending ??= setTimeout(draw, Math.max(0, FRAME_MS - (performance.now() - drawn)));
    },
    async end() {
      clearInterval(idle);
      draw();
      // React takes the state in at its leisure, and ink draws no sooner than a frame after the last one.
      await sleep(LAST_MS);
      app.unmount();
    },
  };
}

interface MovesProps extends MovesViewOptions {
  readonly subscribe: (listener: (view: BoardView) => void) => void;
}

function Moves(props: MovesProps): ReactElement {
  const { subscribe, look, title, color, printable, duration, size } = props;
  const [view, setView] = useState<BoardView>(look);
  const { rows, columns } = useWindowSize();
  const isNarrow = columns < WIDE;
  useEffect(() => subscribe(setView), [subscribe]);
  const { active, ended, total, moved, failed, share, elapsedMs, etaMs, bytesPerS } = view;
  const bar = isNarrow ? SHORT_BAR : BAR;
  const filled = Math.round(share * bar);
  const counts = `${moved} of ${total}${isNarrow ? "" : total === 1 ? " bucket" : " buckets"}${failed > 0 ? `, ${failed} not moved` : ""}`;
  const eta =
    etaMs === null || share >= 1
      ? ""
      : isNarrow
        ? `, ${duration(etaMs)} left`
        : `, about ${duration(etaMs)} left`;
  const rate = bytesPerS > 0 ? `, ${size(bytesPerS)}/s` : "";
  const shown = active.slice(0, Math.max(1, rows - 5 - ENDED_SHOWN));
  const pauses =
    view.lastPauseMs === null
      ? ""
      : `  last pause ${duration(view.lastPauseMs)}, longest ${duration(view.longestPauseMs ?? 0)}`;
  return h(
    Box,
    { flexDirection: "column" },
    h(Text, { bold: true }, printable(title)),
    h(
      Box,
      null,
      h(
        Text,
        { wrap: "truncate" },
        h(Text, color ? { color: failed > 0 ? "yellow" : "green" } : {}, "█".repeat(filled)),
        h(Text, { dimColor: color }, "░".repeat(bar - filled)),
        ` ${Math.floor(share * 100)}%  ${counts}, ${duration(elapsedMs)}${eta}${rate}`,
      ),
    ),
    pauses === "" ? null : h(Text, { dimColor: color }, pauses),
    table(shown, columns, props),
    active.length > shown.length
      ? h(Text, { dimColor: color }, `… and ${active.length - shown.length} more`)
      : null,
    ...ended
      .slice(-ENDED_SHOWN)
      .map((result) =>
        h(
          Text,
          { key: `ended ${result.bucket}`, dimColor: color, wrap: "truncate" },
          printable(`bucket ${result.bucket} ${result.src} → ${result.dst}: ${result.outcome}${why(result)}`),
        ),
      ),
  );
}

function why({ error, pauseMs }: BoardView["ended"][number]): string {
  if (error !== null) return `: ${error.message}`;
  return pauseMs === null ? "" : `, pause ${Math.round(pauseMs)}ms`;
}

function table(
  active: BoardView["active"],
  width: number,
  { color, printable, size }: MovesProps,
): ReactElement | null {
  if (active.length === 0) return null;
  const columns: readonly (readonly [string, (status: BoardView["active"][number]) => string])[] = [
    ["BUCKET", ({ bucket }) => String(bucket)],
    ["MOVE", ({ src, dst }) => `${src} → ${dst}`],
    ["PHASE", ({ step, waiting }) => (waiting === null ? step : `${step}, waits for ${waiting.what}`)],
    ["COPIED", ({ rowsCopied, rowsTotal }) => `${rowsCopied}${rowsTotal === null ? "" : `/${rowsTotal}`}`],
    ["APPLIED", ({ applied }) => String(applied)],
    ["BACKLOG", ({ backlog }) => String(backlog)],
    ["RATE", ({ bytesPerS }) => (bytesPerS > 0 ? `${size(bytesPerS)}/s` : "-")],
  ];
  // The phase is what matters: where there is no room, the numbers behind it go first.
  const fitting = columns.slice(0, width < WIDE ? 4 : columns.length);
  return h(
    Box,
    null,
    ...fitting.map(([head, cell]) =>
      h(
        Box,
        { key: head, flexDirection: "column", marginRight: 2, flexShrink: head === "PHASE" ? 1 : 0 },
        h(Text, { bold: true }, head),
        ...active.map((status) =>
          h(
            Text,
            {
              key: status.bucket,
              wrap: "truncate",
              ...(color && head === "PHASE" && status.waiting !== null ? { color: "yellow" } : {}),
            },
            printable(cell(status)) || " ",
          ),
        ),
      ),
    ),
  );
}
