import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { EVENT_FIELDS, type Header, type HistoryEvent } from './event.ts';
import { HistoryFormatError } from './format-error.ts';
import { readLines, type Line } from './lines.ts';
import { merge } from './merge.ts';

/** Events in the order of the parent's clock. Can be walked any number of times. */
export interface History extends Iterable<HistoryEvent> {
  readonly headers: readonly Header[];
  /** Processes whose last line was cut off, as a SIGKILL may do; that line is left out. Complete after a whole walk. */
  readonly torn: ReadonlySet<string>;
}

/**
 * All files of one run, merged. Nothing is held in memory but a chunk of each file.
 *
 * @throws HistoryFormatError for a missing run, a damaged line that is not the last, or a file without header.
 */
export function readHistory(directory: string, run: string): History {
  const names = readdirSync(directory)
    .filter((name) => name.startsWith(`${run}.`) && name.endsWith('.ndjson'))
    .toSorted();
  const first = names[0];
  if (first === undefined)
    throw new HistoryFormatError(`${directory}: no file ${run}.*.ndjson; is ${JSON.stringify(run)} the run id?`);
  const files = names.map((name) => join(directory, name));
  const torn = new Set<string>();
  const headers = files.map((file) => headerOf(file, run));
  return {
    headers,
    torn,
    [Symbol.iterator]: () => merge(files.map((file) => readEvents(file, torn))),
  };
}

/** A history that was never on disk, for the unit tests of a recorder: each process in its order, merged as files are. */
export function historyOf(events: readonly HistoryEvent[]): History {
  const byProcess = new Map<string, HistoryEvent[]>();
  for (const event of events) {
    const list = byProcess.get(event.process);
    if (list === undefined) byProcess.set(event.process, [event]);
    else list.push(event);
  }
  const lists = [...byProcess.values()];
  const headers = lists.map(([first]) => {
    if (first?.type === 'header') return first;
    throw new HistoryFormatError(`process ${first?.process}: its first event is ${first?.type}, not a header`);
  });
  return { headers, torn: new Set(), [Symbol.iterator]: () => merge(lists.map((list) => list.values())) };
}

function headerOf(file: string, run: string): Header {
  for (const line of readLines(file)) {
    const header = parse(file, line);
    if (header?.type !== 'header') break;
    if (header.version !== 1)
      throw new HistoryFormatError(`${file}:1: version ${String(header.version)}; this reader knows version 1`);
    if (header.run !== run) throw new HistoryFormatError(`${file}:1: belongs to run ${header.run}, not to ${run}`);
    return header;
  }
  throw new HistoryFormatError(`${file}:1: no header; every file of a run begins with one (see openHistory)`);
}

/** The events of one file on the parent's clock. */
function* readEvents(file: string, torn: Set<string>): Generator<HistoryEvent, void> {
  let header: Header | undefined;
  for (const line of readLines(file)) {
    const event = parse(file, line);
    if (event === undefined) torn.add(header?.process ?? file);
    else if (event.type === 'header') yield (header = { ...event, at: event.at + event.offsetMs });
    else if (header !== undefined) yield stamp(event, header);
  }
}

function stamp(event: HistoryEvent, header: Header): HistoryEvent {
  const written: { process: string; at: number } = event;
  written.process = header.process;
  written.at += header.offsetMs;
  return event;
}

/** `undefined` for a last line that was cut off. */
function parse(file: string, line: Line): HistoryEvent | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line.text);
  } catch (cause) {
    if (!line.isWhole) return undefined;
    throw new HistoryFormatError(`${file}:${line.number}: is not JSON; only the last line of a file may be cut off`, {
      cause,
    });
  }
  if (isEvent(value)) return value;
  throw new HistoryFormatError(
    `${file}:${line.number}: no whole event of a history (EVENT_FIELDS lists what each must have): ${line.text.slice(0, 200)}`,
  );
}

const FIELDS: ReadonlyMap<unknown, readonly string[]> = new Map(Object.entries(EVENT_FIELDS));

/** Looks for the fields that must be there; what is in them is the writer's promise. */
function isEvent(value: unknown): value is HistoryEvent {
  if (typeof value !== 'object' || value === null || !('type' in value) || !('at' in value)) return false;
  const fields = FIELDS.get(value.type);
  return fields !== undefined && typeof value.at === 'number' && fields.every((field) => field in value);
}
