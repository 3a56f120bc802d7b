import { setTimeout as sleep } from "node:timers/promises";
import { Box, render, Text, useInput, useWindowSize } from "ink";
import { createElement as h, type ReactElement, useEffect, useState } from "react";
import type { BenchPlan } from "../core/bench/bench-plan.ts";
import type { SeriesPoint } from "../core/bench/result.ts";
import type { RunProgress } from "../core/bench/run/run-plan.ts";
import type { MetricKind } from "../core/verdict/metric.ts";

export interface BenchViewOptions {
  /** What is benchmarked. */
  readonly title: string;
  readonly plan: BenchPlan;
  readonly runs: number;
  readonly color: boolean;
  /** `q` was pressed. */
  readonly onQuit: () => void;
  /** Makes text from servers harmless for a terminal. */
  readonly printable: (text: string) => string;
  readonly duration: (ms: number) => string;
  readonly metric: (kind: MetricKind, value: number | null) => string;
}

/** The live view; `end` takes it off the screen, since the result follows. */
export interface BenchView {
  show(progress: RunProgress & { readonly run: number }): void;
  /** A line that stays above the view. */
  step(line: string): void;
  end(): Promise<void>;
}

/** What one frame shows. */
interface Frame {
  readonly phase: RunProgress["phase"];
  readonly elapsedMs: number;
  readonly run: number;
  readonly points: readonly SeriesPoint[];
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
  readonly counts: RunProgress["gathering"]["counts"];
  readonly errors: readonly { readonly kind: string; readonly count: number }[];
  readonly lags: readonly number[];
  readonly steps: readonly string[];
  readonly isStopping: boolean;
}

const NARROW = 60;
const BAR = 24;
const LABEL = 10;
const STEPS_SHOWN = 6;
const ERRORS_SHOWN = 4;
const WORKERS_SHOWN = 8;
/** By then the last frame is drawn. */
const LAST_MS = 50;
const TICKS = "▁▂▃▄▅▆▇█";

/** Shows a benchmark as it runs. Draws on stderr; reads the keyboard where there is one. */
export function showBench(options: BenchViewOptions): BenchView {
  let publish: (frame: Frame) => void = () => {};
  let steps: readonly string[] = [];
  let isStopping = false;
  const onQuit = () => {
    isStopping = true;
    options.onQuit();
  };
  const subscribe = (listener: (frame: Frame) => void) => {
    publish = listener;
  };
  const app = render(h(Bench, { ...options, onQuit, subscribe }), {
    // In raw mode Ctrl-C is a key: it is passed on as the signal that it would have been.
    exitOnCtrlC: false,
    stdout: process.stderr,
    patchConsole: false,
  });
  return {
    show(progress) {
      publish(frameOf(progress, steps, isStopping));
    },
    step(line) {
      steps = [...steps, line];
    },
    async end() {
      app.clear();
      await sleep(LAST_MS);
      app.unmount();
    },
  };
}

function frameOf(
  { gathering, phase, elapsedMs, run }: RunProgress & { readonly run: number },
  steps: readonly string[],
  isStopping: boolean,
): Frame {
  const { latency, counts, lagOfWorkers } = gathering;
  return {
    ...{ phase, elapsedMs, run, steps, isStopping },
    points: gathering.series(false),
    p50: latency.percentile(50),
    p90: latency.percentile(90),
    p99: latency.percentile(99),
    max: latency.max,
    counts: { ...counts },
    errors: gathering.errors(),
    lags: [...lagOfWorkers],
  };
}

interface BenchProps extends BenchViewOptions {
  readonly subscribe: (listener: (frame: Frame) => void) => void;
}

function Bench(props: BenchProps): ReactElement {
  const { subscribe, title, printable, color } = props;
  const [frame, setFrame] = useState<Frame | null>(null);
  const { columns } = useWindowSize();
  useEffect(() => subscribe(setFrame), [subscribe]);
  return h(
    Box,
    { flexDirection: "column" },
    process.stdin.isTTY === true ? h(Keys, props) : null,
    h(Text, { bold: true, wrap: "truncate" }, printable(title)),
    frame === null
      ? h(Text, { dimColor: color }, "connecting")
      : h(Rows, { ...props, frame, width: columns }),
  );
}

/** Reads the keyboard, which takes it into raw mode. */
function Keys({ onQuit }: BenchProps): null {
  useInput((input, key) => {
    if (input === "q") onQuit();
    if (key.ctrl && input === "c") process.kill(process.pid, "SIGINT");
  });
  return null;
}

interface RowsProps extends BenchProps {
  readonly frame: Frame;
  readonly width: number;
}

function Rows(props: RowsProps): ReactElement {
  const { frame, width, color, metric, plan, printable } = props;
  const { points, counts, errors, lags, steps } = frame;
  const room = Math.max(10, Math.min(60, width - LABEL - 30));
  const last = points.at(-1);
  const rate = last === undefined ? null : last.ok / last.seconds;
  const offered = plan.stages === null || last === undefined ? "" : offeredNow(props);
  const failed = counts.errors + counts.timeouts;
  const ms = (value: number) => metric("latency", value);
  return h(
    Box,
    { flexDirection: "column" },
    h(Text, { wrap: "truncate" }, progressLine(props)),
    row(
      "rate",
      `${spark(
        points.map(({ ok, seconds }) => ok / seconds),
        room,
      )} ${metric("rate", rate)}${offered}`,
      color ? "green" : null,
    ),
    row(
      "p99",
      `${spark(
        points.map(({ p99 }) => p99),
        room,
      )} ${ms(last?.p99 ?? 0)}`,
      color ? "yellow" : null,
    ),
    row(
      "latency",
      `p50 ${ms(frame.p50)}  p90 ${ms(frame.p90)}  p99 ${ms(frame.p99)}  max ${ms(frame.max)}`,
      null,
    ),
    row(
      "requests",
      `${metric("count", counts.ok)} ok, ${metric("count", failed)} failed${counts.dropped > 0 ? `, ${metric("count", counts.dropped)} dropped` : ""}`,
      color && failed > 0 ? "red" : null,
    ),
    ...errors
      .slice(0, ERRORS_SHOWN)
      .map(({ kind, count }) => row("", printable(`${count} × ${kind}`), color ? "red" : null)),
    plan.mode === "rate"
      ? row(
          "lag p99",
          lags
            .slice(0, WORKERS_SHOWN)
            .map((lag, worker) => `#${worker + 1} ${ms(lag)}`)
            .join("  "),
          null,
        )
      : null,
    ...steps.slice(-STEPS_SHOWN).map((line) => row("held?", printable(line), null)),
    h(Text, { dimColor: color }, frame.isStopping ? "stopping, and reporting what was measured" : keyHint()),
  );
}

function keyHint(): string {
  return process.stdin.isTTY === true ? "q stops and reports" : "Ctrl-C stops and reports";
}

function offeredNow({ plan }: RowsProps): string {
  const rates = [...new Set((plan.stages ?? []).flatMap(({ from, to }) => [from, to]))];
  return ` of ${rates.length > 1 ? "up to " : ""}${Math.max(...rates)}/s`;
}

function progressLine({ frame, plan, runs, duration, width }: RowsProps): string {
  const { phase, elapsedMs, run, counts } = frame;
  const which = runs > 1 ? `run ${run + 1} of ${runs}, ` : "";
  if (phase === "warm-up") return `${which}warming up, ${duration(Math.max(0, -elapsedMs))} left`;
  if (phase === "last answers") return `${which}waiting for the last answers`;
  const { durationMs, amount } = plan;
  const share =
    durationMs !== null ? elapsedMs / durationMs : amount === null ? 0 : counts.sent / Math.max(1, amount);
  const done = Math.min(1, Math.max(0, share));
  const bar = width < NARROW ? 10 : BAR;
  const filled = Math.round(done * bar);
  const left = durationMs === null ? "" : `, ${duration(Math.max(0, durationMs - elapsedMs))} left`;
  return `${"█".repeat(filled)}${"░".repeat(bar - filled)} ${Math.floor(done * 100)}%  ${which}${duration(Math.max(0, elapsedMs))}${left}`;
}

function row(label: string, text: string, colour: string | null): ReactElement {
  return h(
    Text,
    { key: `${label} ${text}`, wrap: "truncate", ...(colour === null ? {} : { color: colour }) },
    `${label.padEnd(LABEL)}${text}`,
  );
}

/** The values as a line of small bars, the newest at the right; 0 is the floor. */
function spark(values: readonly number[], room: number): string {
  const shown = values.slice(-room);
  const most = Math.max(...shown, 0);
  const bars = shown.map((value) =>
    most === 0 ? TICKS[0] : TICKS[Math.round((value / most) * (TICKS.length - 1))],
  );
  return bars.join("").padStart(Math.min(room, Math.max(shown.length, 10)));
}
