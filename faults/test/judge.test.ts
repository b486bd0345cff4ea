import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openHistory, type Recordable } from '@waybill/conformance/history';
import { describe, expect, it, onTestFinished } from 'vitest';
import { judge, type Judgement } from '../src/judge/judge.ts';
import { jsonOf, markdownOf } from '../src/judge/report.ts';
import { places } from '../src/load/destinations.ts';
import { recoveriesIn } from '../src/judge/recovery.ts';
import type { RunRecord } from '../src/outcome.ts';

const kill = 'SIGKILL of the broker';
const none = { work: 0, keyed: 0, news: 0, log: 0 };

interface Told {
  readonly at: number;
  readonly by: string;
  readonly event: Recordable;
}

/** Writes a history as the processes of a run would, and judges it. */
function judged(told: readonly Told[], more: Partial<RunRecord> = {}): { judgement: Judgement; record: RunRecord } {
  const directory = mkdtempSync(join(tmpdir(), 'waybill-faults-test-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  let now = 0;
  const names = [...new Set(told.map(({ by }) => by))];
  const writers = new Map(
    names.map((name) => [name, openHistory({ directory, run: 'r', process: name, now: () => now })]),
  );
  for (const { at, by, event } of told) {
    now = at;
    writers.get(by)!.record(event);
  }
  for (const writer of writers.values()) writer.close();
  const style = { acceptance: 'sent', dedup: false, minimum: none, places, claims: {} } as const;
  const record: RunRecord = {
    run: 'r',
    directory,
    plan: [],
    settings: { seed: 1 },
    complaints: [],
    faults: 1,
    title: 'A broker',
    outage: kill,
    recoverWithinMs: 5_000,
    style,
    ...more,
  };
  return { judgement: judge(record), record };
}

const sent = (at: number, message: string): Told[] => [
  { at, by: 'p1', event: { type: 'publish.invoke', message, destination: message.split('-')[0] ?? '' } },
  { at: at + 1, by: 'p1', event: { type: 'publish.ok', message } },
];
const handled = (at: number, delivery: string, message: string): Told[] => [
  { at, by: 'c1.1', event: { type: 'deliver', delivery, message, subscription: 'work', destination: 'work' } },
  { at: at + 1, by: 'c1.1', event: { type: 'handled', delivery, outcome: 'ok' } },
];
const ready = (at: number, subscription = 'work', destination = 'work'): Told => ({
  at,
  by: 'c1.1',
  event: { type: 'subscribe.ready', subscription, destination },
});
const killed = (at: number, openAt: number): Told[] => [
  { at, by: 'parent', event: { type: 'fault.begin', fault: 'f1', kind: kill, scope: 'broker' } },
  { at: at + 1, by: 'parent', event: { type: 'fault.confirmed', fault: 'f1', evidence: 'pid 1 gone' } },
  { at: openAt, by: 'parent', event: { type: 'fault.healed', fault: 'f1', evidence: 'port open' } },
];
const ended = (at: number): Told[] => [
  { at, by: 'parent', event: { type: 'drain.end', depth: 0 } },
  { at: at + 1, by: 'c1.1', event: { type: 'subscribe.end', subscription: 'work' } },
];

const whole = [
  ready(1),
  ...sent(10, 'work-p1-0'),
  ...handled(20, 'work:1', 'work-p1-0'),
  ...killed(1_000, 4_000),
  ready(4_500),
  ...sent(5_000, 'work-p1-1'),
  ...handled(5_010, 'work:2', 'work-p1-1'),
  ...ended(9_000),
];

describe('the judge', () => {
  it('passes a run in which everything came', () => {
    const { judgement } = judged(whole);
    expect(judgement.complaints).toEqual([]);
    expect(judgement.outcome).toBe('valid');
  });

  it('finds the one message that did not come', () => {
    const { judgement } = judged(whole.filter(({ event }) => !('delivery' in event) || event.delivery !== 'work:2'));
    expect(judgement.outcome).toBe('invalid');
    expect(judgement.verdicts.get('work')?.counts.anomalies).toEqual({ lost: 1 });
    expect(judgement.verdicts.get('keyed')?.outcome).toBe('valid');
  });

  it('counts a message that came out of another destination as lost there and as a phantom here', () => {
    const { judgement } = judged([
      ...whole.slice(0, -2),
      ...sent(6_000, 'keyed-p1-0'),
      ready(6_001, 'keyed', 'keyed'),
      ...handled(6_010, 'work:3', 'keyed-p1-0'),
      ...ended(9_000),
    ]);
    expect(judgement.verdicts.get('work')?.counts.anomalies).toEqual({ phantom: 1 });
    expect(judgement.verdicts.get('keyed')?.counts.anomalies).toEqual({ lost: 1 });
  });

  it('proves nothing without the evidence of a fault', () => {
    const { judgement } = judged(whole.filter(({ event }) => event.type !== 'fault.confirmed'));
    expect(judgement.outcome).toBe('unknown');
  });

  it('proves nothing with fewer faults than were planned', () => {
    expect(judged(whole, { faults: 2 }).judgement.outcome).toBe('unknown');
  });

  it('puts no more down to the faults than the broker says it repeated', () => {
    const again = [
      ...whole.slice(0, -2),
      ...killed(6_000, 8_000).map(({ event, ...told }) => ({
        ...told,
        event: { ...event, fault: 'f2' } as Recordable,
      })),
      ...handled(6_500, 'work:8', 'work-p1-1'),
      ...handled(7_000, 'work:9', 'work-p1-1'),
      ready(8_100),
      ...ended(9_000),
    ];
    expect(judged(again, { repeats: 2 }).judgement.complaints).toEqual([]);
    expect(judged(again, { repeats: 0 }).judgement.complaints).toEqual([
      expect.stringContaining('came again by a fault'),
    ]);
  });

  it('refuses a consumer that came back too late, and one that never did', () => {
    const late = judged(
      whole
        .map((told) => (told.at === 4_500 ? { ...told, at: 4_999 + 4_002 } : told))
        .toSorted((left, right) => left.at - right.at),
    );
    expect(late.judgement.complaints).toEqual([expect.stringContaining('c1.1 work live 5001 ms after')]);
    expect(late.judgement.outcome).toBe('invalid');
    const never = judged(whole.filter(({ at }) => at !== 4_500));
    expect(never.judgement.complaints).toEqual([expect.stringContaining('c1.1 work live never after')]);
  });
});

describe('the recovery', () => {
  it('is timed from the open port, for consumers that still live', () => {
    const { record } = judged([
      ready(1),
      { at: 2, by: 'c2.1', event: { type: 'subscribe.ready', subscription: 'work', destination: 'work' } },
      ...killed(1_000, 4_000),
      { at: 4_100, by: 'parent', event: { type: 'process.exit', exited: 'c2.1', signal: 'SIGKILL' } },
      ready(4_500),
      ...sent(5_000, 'work-p1-1'),
      ...handled(5_010, 'work:2', 'work-p1-1'),
      ...ended(9_000),
    ]);
    const [recovery] = judge(record).recoveries;
    expect(recovery?.downMs).toBe(3_000);
    expect([...(recovery?.liveMs ?? [])]).toEqual([['c1.1 work', 500]]);
    expect([...(recovery?.firstDeliveryMs ?? [])]).toEqual([['work', 1_010]]);
    expect(recovery?.sendsStalledAfterOpenMs).toBe(1_001);
  });

  it('is looked for after the outage of the run only', () => {
    expect(recoveriesIn([], kill)).toEqual([]);
  });
});

describe('the report', () => {
  it('shows counts, recovery, and the evidence of every fault', () => {
    const { judgement, record } = judged(whole);
    const markdown = markdownOf(record, judgement);
    expect(markdown).toContain('# A broker under faults: valid');
    expect(markdown).toContain('pid 1 gone; port open');
    expect(markdown).toContain('| f1 | 3,000 ms | 500 ms | 500 ms | 1,010 ms (work) | 4,001 ms |');
    expect(JSON.parse(jsonOf(record, judgement))).toMatchObject({
      outcome: 'valid',
      destinations: { work: { counts: { published: { ok: 2 } } } },
      recoveries: [{ fault: 'f1', downMs: 3_000 }],
    });
  });
});
