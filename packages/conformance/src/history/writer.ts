import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Header, Recordable } from './event.ts';
import { PARENT_CLOCK, monotonicNow, type ClockOffset } from './clock.ts';

export interface HistoryOptions {
  /** Where the run's files are; made if missing. */
  readonly directory: string;
  /** Letters, digits, `-` and `_`. */
  readonly run: string;
  /** Letters, digits, `-`, `_`, `#` and `.`; unique in the run, so a restarted process takes a new name. */
  readonly process: string;
  /** @default the parent's clock: right for the parent itself only */
  readonly clock?: ClockOffset;
  readonly about?: Readonly<Record<string, string | number | boolean>>;
  /** @default milliseconds since this process started */
  readonly now?: () => number;
}

const RUN = /^[\w-]+$/;
const PROCESS = /^[\w#.-]+$/;

/**
 * Opens this process's file of the run and writes its header.
 *
 * @throws if a name has other characters, or the file is there already: two writers would tear each other's lines.
 */
export function openHistory(options: HistoryOptions): HistoryWriter {
  requireName('run', options.run, RUN);
  requireName('process', options.process, PROCESS);
  mkdirSync(options.directory, { recursive: true });
  const file = join(options.directory, `${options.run}.${options.process}.ndjson`);
  return new HistoryWriter(file, openSync(file, 'ax'), options);
}

function requireName(what: string, value: string, shape: RegExp): void {
  if (!shape.test(value))
    throw new TypeError(
      `openHistory: ${what} ${JSON.stringify(value)} cannot be part of a file name; it must match ${shape}`,
    );
}

/**
 * One append-only file of one process. Every line is in the hands of the operating system when `record` returns, so
 * a SIGKILL loses nothing that was recorded, and an operation whose `invoke` was recorded stays open for ever. A
 * power loss may cost the last lines: nothing is synced to the disk.
 */
export class HistoryWriter {
  readonly file: string;
  readonly #now: () => number;
  #descriptor: number | undefined;

  constructor(file: string, descriptor: number, options: HistoryOptions) {
    this.file = file;
    this.#descriptor = descriptor;
    this.#now = options.now ?? monotonicNow;
    const { run, process, clock = PARENT_CLOCK, about } = options;
    const header = {
      type: 'header',
      version: 1,
      run,
      process,
      offsetMs: clock.offsetMs,
      uncertaintyMs: clock.uncertaintyMs,
    } as const;
    this.#write({ ...header, at: this.#now(), ...(about && { about }) } satisfies Header);
  }

  /** @throws after `close`, and what the file system throws: a history with a hole must not look whole. */
  record(event: Recordable): void {
    this.#write({ at: this.#now(), ...event });
  }

  /** Idempotent. */
  close(): void {
    if (this.#descriptor === undefined) return;
    closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #write(event: object): void {
    if (this.#descriptor === undefined) throw new Error(`history ${this.file}: recorded after close; close it last`);
    const line = Buffer.from(`${JSON.stringify(event)}\n`);
    for (let written = 0; written < line.length;) written += writeSync(this.#descriptor, line, written);
  }
}
