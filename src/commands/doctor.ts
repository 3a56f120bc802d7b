import { DcsCommand } from "../cli/base-command.ts";
import { doctorLines } from "../cli/doctor/doctor-lines.ts";
import { doctorFailure, runDoctor } from "../core/doctor/run-doctor.ts";

export default class Doctor extends DcsCommand {
  static override summary = "Examine the configured backends and say what to type where something is wrong";
  static override description =
    `Each backend of this run, one entry a check: reachable, version, latency, clock, and the settings that break a promise.
Grades what locks are good for there: correctness, or efficiency only. Nothing is changed in any backend. Exit status 99
when a check fails, also when a backend cannot be reached; warnings leave it at 0.`;
  static override examples = [
    "<%= config.bin %> doctor",
    "<%= config.bin %> doctor --context prod --json",
    "DCS_LOCKS=redis://10.0.0.1:6379 <%= config.bin %> doctor",
  ];
  static override exits = [99];

  protected async execute(): Promise<void> {
    await this.parse(Doctor);
    const report = await runDoctor(await this.settings(), this.signal);
    const isDocument = this.out.mode === "json" || this.out.mode === "ndjson";
    // With JSON there is one document: the failure carries the report as its data.
    if (report.counts.fail === 0 || !isDocument) {
      this.out.result("doctor", report, {
        lines: () => doctorLines(report),
        names: () =>
          report.checks
            .filter(({ status }) => status !== "ok")
            .map(({ backend, check }) => `${backend}/${check}`),
      });
    }
    if (report.counts.fail > 0) throw doctorFailure(report);
  }
}
