import { Command } from "@oclif/core/command";
import type { FlagInput, Input, OutputFlags as OutputOf, ParserOutput } from "@oclif/core/interfaces";
import { resolveSettings } from "../core/config/resolve.ts";
import type { Settings } from "../core/config/settings.ts";
import { DcsError } from "../core/errors.ts";
import { openStore } from "../core/store/open-store.ts";
import type { Store } from "../core/store/store.ts";
import { type Glance, glance } from "./argv.ts";
import { tellFailure } from "./failure.ts";
import { baseFlags } from "./flags.ts";
import { ConsoleOutput, type Output, type OutputMode } from "./output.ts";
import { Interrupts, ReaderGone } from "./signals.ts";
import { usageError } from "./usage.ts";
import { workingDirectory } from "./working-directory.ts";

type OutputFlags = OutputOf<FlagInput>;

/** The parsed flags that every command has. */
interface BaseValues {
  readonly json?: boolean | undefined;
  readonly output?: OutputMode | undefined;
  readonly quiet?: boolean | undefined;
  readonly verbose?: boolean | undefined;
  readonly context?: string | undefined;
  readonly store?: string | undefined;
  readonly locks?: string | undefined;
  readonly journal?: string | undefined;
  readonly timeout?: number | undefined;
}

/**
 * The base of all commands: splits off `-- cmd`, turns flags into settings and output, turns every failure into one
 * document or two lines and an exit status, hands out one abort signal, and closes what it opened.
 */
export abstract class DcsCommand extends Command {
  static override baseFlags = baseFlags;
  /**
   * True for commands that watch or stay; there --json means ndjson. A flag's name when that flag makes it so, `!flag` when
   * that flag makes it leave at once.
   */
  static stays: boolean | string = false;
  /** True for commands that take `-- cmd`. */
  static takesChild = false;
  /** True for commands that have `-o env`. */
  static hasEnv = false;
  /** Exit statuses that the help lists beside 0, 1 and 2. */
  static exits: readonly number[] = [];

  readonly #glance: Glance;
  readonly #out: ConsoleOutput;
  readonly #interrupts = new Interrupts();
  #flags: BaseValues = {};
  #settings: Promise<Settings> | null = null;
  #store: Promise<Store> | null = null;

  /** Words after `--`. */
  protected readonly child: readonly string[];

  constructor(argv: string[], config: Command["config"]) {
    const seen = glance(argv, process.env);
    super([...seen.own], config);
    this.#glance = seen;
    this.child = seen.child ?? [];
    this.#out = new ConsoleOutput(
      this.#outputOptions(seen.json, asMode(seen.output), seen.quiet, seen.verbose),
    );
  }

  protected get out(): Output {
    return this.#out;
  }

  /**
   * Aborted by the first SIGINT, SIGTERM or SIGHUP with a DcsError as its reason; the second ends the process. On
   * commands that stay, also when the reader of stdout has gone.
   */
  protected get signal(): AbortSignal {
    return this.#interrupts.signal;
  }

  /** The configuration of this run. */
  protected settings(): Promise<Settings> {
    this.#settings ??= this.#resolveSettings();
    return this.#settings;
  }

  /** The coordination store, opened once and closed when the command ends. */
  protected store(): Promise<Store> {
    this.#store ??= this.#openStore();
    return this.#store;
  }

  /** Does the command's work; a number is the exit status. */
  // biome-ignore lint/suspicious/noConfusingVoidType: most commands return nothing, and say so by `Promise<void>`
  protected abstract execute(): Promise<number | void>;

  async run(): Promise<void> {
    this.#checkChild();
    this.#endWithReader();
    const status = await this.execute();
    if (typeof status === "number") process.exitCode = status;
  }

  protected override async parse<F extends OutputFlags, B extends OutputFlags, A extends OutputFlags>(
    options?: Input<F, B, A>,
    argv?: string[],
  ): Promise<ParserOutput<F, B, A>> {
    try {
      const parsed = await super.parse<F, B, A>(options, argv);
      this.#settle(parsed.flags);
      return parsed;
    } catch (error) {
      const { baseFlags: shared, flags, args } = this.ctor;
      throw usageError(error, { flags: { ...shared, ...flags }, args });
    }
  }

  protected override async catch(thrown: unknown): Promise<void> {
    const reason = this.signal.aborted ? this.signal.reason : null;
    const error = reason !== null && isAbort(thrown) ? reason : thrown;
    if (error instanceof ReaderGone) return;
    process.exitCode = tellFailure(error, {
      mode: this.#out.mode,
      debug: this.#glance.debug,
      errorExit: this.#class.takesChild ? this.#glance.errorExit : null,
      env: process.env,
      streams: process,
    });
  }

  protected override async finally(): Promise<void> {
    try {
      if (this.#store !== null) await (await this.#store).close();
    } catch {
      // It failed to open, which was told, or to close, when there is nothing left to lose.
    }
    this.#interrupts[Symbol.dispose]();
  }

  get #class(): typeof DcsCommand {
    return this.ctor as typeof DcsCommand;
  }

  get #stays(): boolean {
    const { stays } = this.#class;
    if (typeof stays === "boolean") return stays;
    const unless = stays.startsWith("!");
    return this.#glance.own.includes(`--${unless ? stays.slice(1) : stays}`) !== unless;
  }

  #outputOptions(json = false, output: OutputMode | null = null, quiet = false, verbose = false) {
    const asked = json ? "json" : (output ?? "table");
    const mode: OutputMode = asked === "json" && this.#stays ? "ndjson" : asked;
    return { mode, quiet, verbose };
  }

  #settle(flags: BaseValues): void {
    this.#flags = flags;
    this.#out.settle(this.#outputOptions(flags.json, flags.output, flags.quiet, flags.verbose));
    if (this.#out.mode === "env" && !this.#class.hasEnv) {
      throw new DcsError("USAGE", "-o env: this command has nothing to export", {
        details: { flag: "--output", value: "env", allowed: ["table", "wide", "name", "json", "ndjson"] },
      });
    }
  }

  #checkChild(): void {
    const { child, json, output } = this.#glance;
    if (child === null) return;
    if (!this.#class.takesChild) {
      throw new DcsError("USAGE", "this command takes no `-- command`", {
        details: { unexpected: ["--", ...child] },
      });
    }
    if (child.length === 0) {
      throw new DcsError("USAGE", "nothing stands after `--`", { hint: "give the command to run after --" });
    }
    // What leaves at once has stdout for itself.
    const { stays } = this.#class;
    const detached = !this.#stays && typeof stays === "string" && stays.startsWith("!");
    if (!detached && (json || output !== null)) {
      const flag = json ? "--json" : "--output";
      throw new DcsError("USAGE", `${flag} cannot go with \`-- command\`: stdout belongs to the command`, {
        hint: "use --receipt FILE|fd:N for the outcome, --events FILE|fd:N for what happens on the way",
        details: { flag, allowed: ["--receipt", "--events"] },
      });
    }
  }

  /** Only output keeps such a command busy, so it ends when nobody reads it; with a child it goes on. */
  #endWithReader(): void {
    const { stays, takesChild } = this.#class;
    const busyOtherwise = takesChild && !(typeof stays === "string" && !stays.startsWith("!"));
    if (!this.#stays || busyOtherwise) return;
    process.stdout.once("error", () => this.#interrupts.readerGone());
  }

  async #resolveSettings(): Promise<Settings> {
    const { context, store, locks, journal, timeout } = this.#flags;
    const settings = await resolveSettings({
      flags: { context, store, locks, journal, timeout },
      env: process.env,
      cwd: workingDirectory(),
    });
    for (const warning of settings.warnings) this.#out.warn("CONFIG", warning);
    return settings;
  }

  async #openStore(): Promise<Store> {
    const settings = await this.settings();
    return await openStore(settings.store.value, {
      timeoutMs: settings.timeoutMs.value,
      stateDir: settings.stateDir.value,
    });
  }
}

function isAbort(thrown: unknown): boolean {
  return thrown instanceof Error && (thrown.name === "AbortError" || thrown instanceof ReaderGone);
}

function asMode(text: string | null): OutputMode | null {
  return text === "json" || text === "ndjson" ? text : null;
}
