import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

/** What a report's charts are drawn with. */
export interface ReportAssets {
  readonly uplotJs: string;
  readonly uplotCss: string;
}

/** uPlot as it is installed, with its licence, which must go where it goes. */
export async function readReportAssets(): Promise<ReportAssets> {
  const installed = createRequire(import.meta.url);
  const read = (path: string) => readFile(installed.resolve(`uplot/${path}`), "utf8");
  const [uplotJs, uplotCss, licence] = await Promise.all([
    read("dist/uPlot.iife.min.js"),
    read("dist/uPlot.min.css"),
    read("LICENSE"),
  ]);
  return { uplotJs: `/*!\n${licence.trim().replaceAll("*/", "* /")}\n*/\n${uplotJs}`, uplotCss };
}
