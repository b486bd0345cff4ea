/** What the harness asks of one process. Everything that an arm needs is in it. */
export interface Assignment {
  /** `<broker>/<program>`. */
  readonly program: string;
  /** Messages before the measured part: they compile the code and open the connections. */
  readonly warmUp: number;
  readonly messages: number;
  /** Into so many turns the measured part is divided. Default: 1. */
  readonly turns?: number;
  readonly settings: Readonly<Record<string, string | number>>;
}

/** What the check of the sequence numbers found. All zero, or the run is void. */
export interface SequenceFaults {
  readonly lost: number;
  readonly duplicates: number;
  readonly outOfOrder: number;
}

/** Microseconds from the intended send time to the handler. Exact: every sample is kept and sorted. */
export interface Latency {
  readonly samples: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** What one process reports about its measured part. */
export interface Measured {
  readonly messages: number;
  readonly elapsedMs: number;
  /** CPU time of this process alone, all its threads, in user and in kernel mode. */
  readonly userUs: number;
  readonly systemUs: number;
  /** Largest resident set of the process so far. */
  readonly maxRssMb: number;
  /** Absent where the harness has to look at the broker instead. */
  readonly faults?: SequenceFaults;
  readonly latency?: Latency;
}

export type Program = (assignment: Assignment) => Promise<Measured>;

export function numberIn({ settings, program }: Assignment, name: string): number {
  const value = settings[name];
  if (typeof value !== 'number') throw new Error(`${program} needs the setting "${name}": a number`);
  return value;
}

export function textIn({ settings, program }: Assignment, name: string): string {
  const value = settings[name];
  if (typeof value !== 'string') throw new Error(`${program} needs the setting "${name}": a text`);
  return value;
}
