import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { check, openHistory, readHistory, type Claim, type HistoryWriter } from '../../src/history/index.ts';
import { createRandom } from './random.ts';

const EVENTS = 1_000_000;
const KEYS = 1_000;
const CLAIM: Claim = { delivery: 'at-least-once', order: 'key', minimum: { published: 100_000, handled: 100_000 } };

const directory = mkdtempSync(join(tmpdir(), 'history-'));
afterAll(() => rmSync(directory, { recursive: true }));

interface Written {
  readonly events: number;
  readonly seconds: number;
  readonly messages: number;
}

/** Two producers, two consumers: every message published, delivered, handled and accepted; one in fifty fails once. */
function writeHistory(): Written {
  const random = createRandom(1);
  let now = 0;
  let events = 0;
  const open = (process: string): HistoryWriter => {
    events += 1;
    return openHistory({ directory, run: 'million', process, now: () => (now += 0.01) });
  };
  const parent = open('parent');
  const producers = [open('producer-1'), open('producer-2')];
  const consumers = [open('consumer-1'), open('consumer-2')];
  const began = process.hrtime.bigint();
  for (const consumer of consumers)
    consumer.record({ type: 'subscribe.ready', subscription: 'orders', destination: 'orders' });
  events += consumers.length;
  let message = 0;
  while (events < EVENTS) {
    message += 1;
    events += tell(
      `message-${message}`,
      `key-${message % KEYS}`,
      producers[message % 2]!,
      random.pick(consumers),
      random.chance(0.02),
    );
  }
  parent.record({ type: 'drain.end', depth: 0 });
  const seconds = Number(process.hrtime.bigint() - began) / 1e9;
  for (const writer of [parent, ...producers, ...consumers]) writer.close();
  return { events: events + 1, seconds, messages: message };
}

let deliveries = 0;

/** How many events it took. */
function tell(message: string, key: string, producer: HistoryWriter, consumer: HistoryWriter, fails: boolean): number {
  producer.record({
    type: 'publish.invoke',
    message,
    destination: 'orders',
    key,
    body: 'deadbeef',
    headers: '0badcafe',
  });
  producer.record({ type: 'publish.ok', message });
  if (!fails) return 2 + handle(message, key, consumer, 1);
  return 2 + handle(message, key, consumer, 1, 'error') + handle(message, key, consumer, 2);
}

function handle(
  message: string,
  key: string,
  consumer: HistoryWriter,
  attempt: number,
  outcome: 'ok' | 'error' = 'ok',
): number {
  const delivery = (deliveries += 1);
  const settlement = outcome === 'ok' ? 'accept' : 'release';
  consumer.record({
    type: 'deliver',
    delivery,
    message,
    subscription: 'orders',
    key,
    body: 'deadbeef',
    headers: '0badcafe',
    attempt,
  });
  consumer.record({ type: 'handled', delivery, outcome });
  consumer.record({ type: 'settle.invoke', delivery, settlement });
  consumer.record({ type: 'settle.ok', delivery, settlement });
  return 4;
}

describe('a history of a million events', () => {
  let written: Written;

  beforeAll(() => {
    written = writeHistory();
  }, 120_000);

  it('is written at 50,000 events a second at least, every line in the hands of the operating system', () => {
    const rate = written.events / written.seconds;
    console.log(`written: ${written.events} events in ${written.seconds.toFixed(2)} s, ${Math.round(rate)} a second`);
    expect(rate).toBeGreaterThan(50_000);
  });

  it('is read and checked in under 60 s, in bounded memory', { timeout: 120_000 }, () => {
    const bytes = readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
    const began = process.hrtime.bigint();
    const verdict = check(readHistory(directory, 'million'), CLAIM);
    const seconds = Number(process.hrtime.bigint() - began) / 1e9;
    const peakMiB = process.resourceUsage().maxRSS / 1_024;
    console.log(
      `checked: ${verdict.counts.events} events (${Math.round(bytes / 2 ** 20)} MiB) in ${seconds.toFixed(2)} s, peak RSS ${Math.round(peakMiB)} MiB`,
    );
    expect(verdict).toMatchObject({ outcome: 'valid', anomalies: [], doubts: [] });
    expect(verdict.counts).toMatchObject({ events: written.events, messages: written.messages, deliveries });
    expect(verdict.counts.explained['handler-error']).toBe(deliveries - written.messages);
    expect(written.events).toBeGreaterThanOrEqual(EVENTS);
    expect(seconds).toBeLessThan(60);
    expect(peakMiB).toBeLessThan(1_024);
  });
});
