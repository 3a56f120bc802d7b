import type { MetricKind } from "../../verdict/metric.ts";
import type { Verdict } from "../../verdict/verdict.ts";

/**
 * A result as people read it, before it is HTML or Markdown. Texts are plain and without control characters; whoever renders
 * them escapes what means something in its own language.
 */
export interface Report {
  /** `Benchmark`. */
  readonly title: string;
  /** What was measured. */
  readonly subject: string;
  /** How, in one line. */
  readonly setup: string;
  /** `2026-11-23 15:04:05 UTC`; null where there is no one time. */
  readonly at: string | null;
  readonly verdict: Verdict;
  /** Exit status of the command that reports this. */
  readonly exit: number;
  readonly reasons: readonly string[];
  readonly notes: readonly string[];
  /** The numbers to see first, in groups. */
  readonly figures: readonly (readonly Figure[])[];
  readonly sections: readonly ReportSection[];
}

/** How something is meant: `quiet` is there for completeness. */
export type Tone = "plain" | "good" | "bad" | "doubtful" | "quiet";

export interface Figure {
  readonly label: string;
  readonly value: string;
  /** Under the value. */
  readonly note: string | null;
  readonly tone: Tone;
}

export interface ReportSection {
  /** Unique in the report; letters and `-`. */
  readonly id: string;
  readonly title: string;
  /** How to read it. */
  readonly about: string | null;
  /** Part of a summary too. */
  readonly isBrief: boolean;
  /** The numbers of the chart, where there is one. */
  readonly table: ReportTable;
  readonly chart: ReportChart | null;
}

export interface ReportTable {
  readonly columns: readonly ReportColumn[];
  readonly rows: readonly (readonly ReportCell[])[];
  /** What is not in it. */
  readonly note: string | null;
}

export interface ReportColumn {
  readonly label: string;
  /** Numbers stand at the right. */
  readonly isNumber: boolean;
}

export type ReportCell = string | { readonly text: string; readonly tone: Tone };

/** What `xs` are: seconds since the start, `1 / (1 - percentile)`, requests per second, or the number of a run. */
export type ChartScale = "seconds" | "percentile" | "rate" | "run";

export interface ReportChart {
  /** What it shows, in words, for those who do not see it. */
  readonly label: string;
  readonly x: { readonly label: string; readonly scale: ChartScale };
  readonly y: {
    readonly label: string;
    readonly kind: MetricKind;
    /** How it is drawn first; null where a logarithm makes no sense. */
    readonly scale: "linear" | "log" | null;
  };
  /** Rising. */
  readonly xs: readonly number[];
  readonly series: readonly ChartSeries[];
  readonly marks: readonly ChartMark[];
}

export type ChartColour = "blue" | "orange" | "red" | "green" | "purple" | "grey";

export interface ChartSeries {
  readonly label: string;
  readonly colour: ChartColour;
  readonly style: "line" | "area" | "dashed" | "dots" | "rings";
  /** As many as there are `xs`; null is a gap. */
  readonly values: readonly (number | null)[];
}

/** A line across the chart, at a height or at a place of `xs`; with both, a point. */
export interface ChartMark {
  readonly label: string;
  readonly x: number | null;
  readonly y: number | null;
}
