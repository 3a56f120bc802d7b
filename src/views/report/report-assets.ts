import { readFile } from "node:fs/promises";

/** What a report's charts are drawn with. */
export interface ReportAssets {
  readonly uplotJs: string;
  readonly uplotCss: string;
}

/** uPlot as it is installed, with its licence, which must go where it goes. */
export async function readReportAssets(): Promise<ReportAssets> {
  const read = (url: string) => readFile(new URL(url), "utf8");
  const [uplotJs, uplotCss, licence] = await Promise.all([
    read(import.meta.resolve("uplot/dist/uPlot.iife.min.js")),
    read(import.meta.resolve("uplot/dist/uPlot.min.css")),
    read(import.meta.resolve("uplot/LICENSE")),
  ]);
  return { uplotJs: `/*!\n${licence.trim().replaceAll("*/", "* /")}\n*/\n${uplotJs}`, uplotCss };
}
