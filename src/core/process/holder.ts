/** Who keeps a lease. Written beside the lease, shown by `dcs lease ls`; the embedded driver also reads it to see a crash. */
export interface Holder {
  readonly host: string;
  readonly pid: number;
  /** The command line, shortened, without secrets. */
  readonly command: string;
  /** When the process started, in the kernel's own clock ticks; tells a reused pid. Absent where unknown. */
  readonly startTime?: string;
  /** The pid namespace (`pid:[4026531836]`); pids are only compared within one. Absent where unknown. */
  readonly pidNamespace?: string;
  /** The process group of the command run under the lease, if there is one. */
  readonly group?: number;
}
