import { fork } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  HistoryFormatError,
  check,
  historyOf,
  openHistory,
  readHistory,
  type HistoryEvent,
} from '../../src/history/index.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'history-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function write(process: string, record: (writer: ReturnType<typeof openHistory>) => void = () => {}): string {
  const writer = openHistory({ directory, run: 'run', process });
  record(writer);
  writer.close();
  return writer.file;
}

function read(): HistoryEvent[] {
  return [...readHistory(directory, 'run')];
}

const fault = { type: 'fault.begin', fault: 'f', kind: 'kill -9', scope: 'broker' } as const;

describe('a file of a history', () => {
  it('gives back what was recorded, with its process and in the order of time', () => {
    write('parent', (writer) => writer.record({ type: 'drain.begin' }));
    write('producer', (writer) => writer.record({ type: 'publish.invoke', message: 'é🚚', destination: 'orders' }));
    const events = read();
    expect(events.map(({ process, type }) => [process, type])).toEqual([
      ['parent', 'header'],
      ['parent', 'drain.begin'],
      ['producer', 'header'],
      ['producer', 'publish.invoke'],
    ]);
    expect(events.at(-1)).toMatchObject({ message: 'é🚚', destination: 'orders' });
    expect(events.map(({ at }) => at)).toEqual(events.map(({ at }) => at).toSorted((left, right) => left - right));
  });

  it('can be larger than the chunks it is read in, with lines across their borders', () => {
    const long = '🚚'.repeat(100_000);
    write('producer', (writer) => {
      for (let index = 0; index < 9; index += 1)
        writer.record({ type: 'publish.unknown', message: `${index}`, code: long });
    });
    const codes = read().flatMap((event) => (event.type === 'publish.unknown' ? [event.code] : []));
    expect(codes).toEqual(Array.from({ length: 9 }, () => long));
  });

  it('can be read any number of times', () => {
    write('parent', (writer) => writer.record({ type: 'drain.begin' }));
    const history = readHistory(directory, 'run');
    expect([...history]).toEqual([...history]);
  });

  it('keeps to its run', () => {
    write('parent');
    openHistory({ directory, run: 'run2', process: 'parent' }).close();
    expect(readHistory(directory, 'run').headers).toHaveLength(1);
    expect(() => readHistory(directory, 'run3')).toThrow(/no file run3\.\*\.ndjson/);
  });

  it('belongs to one writer for ever', () => {
    write('consumer');
    expect(() => openHistory({ directory, run: 'run', process: 'consumer' })).toThrow(/EEXIST/);
    expect(() => openHistory({ directory, run: 'run', process: '../x' })).toThrow(
      /process "\.\.\/x" cannot be part of a file name/,
    );
    expect(() => openHistory({ directory, run: 'a.b', process: 'x' })).toThrow(
      /run "a\.b" cannot be part of a file name/,
    );
  });

  it('refuses what is recorded after close', () => {
    const writer = openHistory({ directory, run: 'run', process: 'parent' });
    writer.close();
    writer.close();
    expect(() => writer.record(fault)).toThrow(/recorded after close/);
  });
});

describe('a torn file', () => {
  it('loses its last line only, and says so', () => {
    const file = write('consumer', (writer) => {
      writer.record({ type: 'drain.begin' });
      writer.record(fault);
    });
    truncateSync(file, readFileSync(file).length - 9);
    const history = readHistory(directory, 'run');
    expect([...history].map(({ type }) => type)).toEqual(['header', 'drain.begin']);
    expect([...history.torn]).toEqual(['consumer']);
  });

  it('keeps a last line that only misses its newline', () => {
    const file = write('consumer', (writer) => writer.record(fault));
    truncateSync(file, readFileSync(file).length - 1);
    const history = readHistory(directory, 'run');
    expect([...history].map(({ type }) => type)).toEqual(['header', 'fault.begin']);
    expect(history.torn.size).toBe(0);
  });

  it('is a doubt unless the exit of its process was recorded', () => {
    const file = write('consumer');
    appendFileSync(file, '{"type":"deliver","at":');
    const doubt = 'the last line of consumer is cut off, but its exit was not recorded';
    expect(check(readHistory(directory, 'run'), { delivery: 'at-least-once', order: 'none' }).doubts).toContain(doubt);
    write('parent', (writer) => writer.record({ type: 'process.exit', exited: 'consumer', signal: 'SIGKILL' }));
    expect(check(readHistory(directory, 'run'), { delivery: 'at-least-once', order: 'none' }).doubts).not.toContain(
      doubt,
    );
  });
});

describe('a damaged file', () => {
  it.each([
    ['a line that is no JSON', '{"type":"drain\n', ':2: is not JSON; only the last line of a file may be cut off'],
    ['an event of no known type', '{"type":"dance","at":1}\n', ':2: no whole event of a history'],
    ['an event without time', '{"type":"drain.begin"}\n', ':2: no whole event of a history'],
    ['an event without a field that it needs', '{"type":"publish.ok","at":1}\n', ':2: no whole event of a history'],
    ['a time that goes back', '{"type":"drain.begin","at":-5}\n', 'time goes back'],
  ])('with %s is refused', (_, line, message) => {
    const file = write('consumer');
    appendFileSync(file, `${line}{"type":"drain.begin","at":1e9}\n`);
    expect(read).toThrow(HistoryFormatError);
    expect(read).toThrow(message);
  });

  it.each([
    ['without header', '{"type":"drain.begin","at":1}\n', ':1: no header'],
    [
      'of another version',
      '{"type":"header","version":2,"at":0,"run":"run","process":"x","offsetMs":0,"uncertaintyMs":0}\n',
      ':1: version 2',
    ],
    [
      'of another run',
      '{"type":"header","version":1,"at":0,"run":"gun","process":"x","offsetMs":0,"uncertaintyMs":0}\n',
      ':1: belongs to run gun',
    ],
    ['that is empty', '', ':1: no header'],
  ])('%s is refused', (_, text, message) => {
    writeFileSync(join(directory, 'run.x.ndjson'), text);
    expect(read).toThrow(HistoryFormatError);
    expect(read).toThrow(message);
  });

  it('is refused in memory too', () => {
    expect(() => historyOf([{ type: 'drain.begin', process: 'p', at: 0 }])).toThrow(
      /its first event is drain\.begin, not a header/,
    );
  });
});

describe('a process that is killed', () => {
  it('leaves everything that it recorded, and its operation open', { timeout: 30_000 }, async () => {
    const child = fork(join(import.meta.dirname, 'killed-child.ts'), [directory], {
      execArgv: ['--conditions=waybill-source'],
    });
    await once(child, 'message');
    const [, signal] = (await once(child, 'exit')) as [number | null, string];
    expect(signal).toBe('SIGKILL');
    write('parent', (writer) => {
      writer.record({ type: 'subscribe.ready', subscription: 'orders', destination: 'orders' });
      writer.record({ type: 'process.exit', exited: 'child', signal });
      writer.record({ type: 'drain.end', depth: 0 });
    });
    const verdict = check(readHistory(directory, 'run'), {
      delivery: 'at-least-once',
      order: 'none',
      minimum: { published: 0, handled: 0 },
    });
    expect(verdict).toMatchObject({
      outcome: 'valid',
      doubts: [],
      counts: { messages: 1_000, published: { ok: 0, unknown: 1_000 }, unknownUnseen: 1_000 },
    });
  });
});
