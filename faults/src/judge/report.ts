import { type Anomaly, EXPLANATIONS, explain, type Verdict } from '@waybill/conformance/history';
import type { Place } from '../load/destinations.ts';
import type { RunRecord } from '../outcome.ts';
import { explainedIn, type Judgement } from './judge.ts';
import type { Recovery } from './recovery.ts';

const number = (value: number): string => value.toLocaleString('en-US');
const ms = (value: number | undefined): string =>
  value === undefined || !Number.isFinite(value) ? 'never' : `${number(Math.round(value))} ms`;
const row = (...cells: readonly string[]): string =>
  `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string[] => [
  row(...head),
  row(...head.map(() => '---')),
  ...rows.map((cells) => row(...cells)),
];

/** For people: what was done, what came of it, and the proof of every fault. */
export function markdownOf(record: RunRecord, judgement: Judgement): string {
  return [
    `# ${record.title} under faults: ${judgement.outcome}`,
    '',
    ...judgement.complaints.map((complaint) => `- ${complaint}`),
    ...[...judgement.verdicts].flatMap(([place, { doubts }]) => doubts.map((doubt) => `- ${place}: ${doubt}`)),
    '',
    '## Settings',
    '',
    ...table(
      ['', ''],
      Object.entries(record.settings).map(([name, value]) => [
        name,
        typeof value === 'number' && name !== 'seed' ? number(value) : String(value),
      ]),
    ),
    '',
    '## What became of the messages',
    '',
    ...table(
      countHead,
      [...judgement.verdicts].map(([place, verdict]) => countRow(place, verdict)),
    ),
    '',
    'Confirmed, unknown and rejected are outcomes of sends. Every subscription and reader is owed each confirmed message once: two of the topic, three of the stream. `anomalies` counts whatever the claim of the destination forbids.',
    '',
    '## Deliveries that came again',
    '',
    ...table(
      ['cause', 'deliveries'],
      [...explainedIn(judgement)]
        .toSorted((left, right) => right[1] - left[1])
        .map(([cause, count]) => [EXPLANATIONS[cause], number(count)]),
    ),
    '',
    ...recoverySection(record, judgement.recoveries),
    '## Faults and their evidence',
    '',
    ...evidence(judgement),
    '',
    ...anomalySections(judgement),
  ].join('\n');
}

const countHead = [
  'destination',
  'confirmed',
  'unknown (seen)',
  'rejected',
  'delivered',
  'came again, explained',
  'dead-lettered',
  'lost',
  'anomalies',
  'verdict',
];

function countRow(place: Place, { counts, outcome }: Verdict): readonly string[] {
  const { published, anomalies } = counts;
  const again = Object.values(counts.explained).reduce((sum, count) => sum + count, 0);
  return [
    place,
    number(published.ok),
    `${number(published.unknown)} (${number(counts.unknownSeen)})`,
    number(published.failed),
    number(counts.deliveries),
    number(again),
    number(counts.deadLetters),
    number((anomalies.lost ?? 0) + (anomalies.unseen ?? 0)),
    Object.entries(anomalies)
      .map(([name, count]) => `${count} ${name}`)
      .join(', ') || '0',
    outcome,
  ];
}

function recoverySection({ outage, recoverWithinMs }: RunRecord, recoveries: readonly Recovery[]): string[] {
  if (recoveries.length === 0) return [];
  const live = recoveries.flatMap(({ liveMs }) => [...liveMs.values()]);
  const stalled = recoveries.flatMap(({ sendsStalledAfterOpenMs }) => sendsStalledAfterOpenMs ?? []);
  return [
    `## Recovery: ${outage}`,
    '',
    `A consumer is live when it has a receiver again, ${number(recoverWithinMs)} ms after the port is open at the latest: median ${ms(median(live))}, at most ${ms(Math.max(...live))}, ${live.length} times. Sends waited until ${ms(median(stalled))} (median) and ${ms(Math.max(...stalled))} (at most) after the port was open.`,
    '',
    ...table(
      [
        'fault',
        'port closed for',
        'consumers live after: median',
        'at most',
        'first delivery of the last subscription',
        'sends stalled in all',
      ],
      recoveries.map(recoveryRow),
    ),
    '',
  ];
}

function recoveryRow({ fault, downMs, liveMs, firstDeliveryMs, sendsStalledMs }: Recovery): readonly string[] {
  const live = [...liveMs.values()];
  const [last] = [...firstDeliveryMs].toSorted((left, right) => right[1] - left[1]);
  return [
    fault,
    ms(downMs),
    ms(median(live)),
    ms(Math.max(...live)),
    last ? `${ms(last[1])} (${last[0]})` : 'nothing waited',
    ms(sendsStalledMs),
  ];
}

function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : average(sorted[middle - 1], sorted[middle]);
}
const average = (left: number | undefined, right: number | undefined): number | undefined =>
  left === undefined || right === undefined ? undefined : (left + right) / 2;

/** Faults are the same in the history of every destination. */
function evidence({ verdicts }: Judgement): string[] {
  const [verdict] = verdicts.values();
  if (verdict === undefined) return [];
  return table(
    ['fault', 'what', 'hit', 'at', 'lasted', 'evidence'],
    verdict.faults.map(({ fault, kind, target, beganAt, healedAt, evidence: proofs }) => [
      fault,
      kind,
      target ?? 'everybody',
      `${((beganAt - verdict.beganAt) / 1_000).toFixed(1)} s`,
      healedAt === undefined ? 'not healed' : ms(healedAt - beganAt),
      proofs.join('; '),
    ]),
  );
}

function anomalySections({ verdicts }: Judgement): string[] {
  return [...verdicts].flatMap(([place, verdict]) =>
    verdict.anomalies.length === 0
      ? []
      : [
          `## Anomalies of ${place}`,
          '',
          '```',
          explain({ ...verdict, faults: [], anomalies: firstOfEach(verdict.anomalies) }),
          '```',
          '',
        ],
  );
}

function firstOfEach(anomalies: readonly Anomaly[]): Anomaly[] {
  return anomalies.filter(
    (anomaly, index) => anomalies.slice(0, index).filter((other) => other.class === anomaly.class).length < 3,
  );
}

/** The same for programs. */
export function jsonOf(record: RunRecord, judgement: Judgement): string {
  const { outcome, complaints, verdicts, recoveries } = judgement;
  const destinations = Object.fromEntries(
    [...verdicts].map(([place, { outcome: one, counts, doubts }]) => [place, { outcome: one, counts, doubts }]),
  );
  const [first] = verdicts.values();
  return `${JSON.stringify(
    {
      outcome,
      settings: record.settings,
      complaints,
      destinations,
      explained: Object.fromEntries(explainedIn(judgement)),
      recoveries: recoveries.map((recovery) => ({
        ...recovery,
        liveMs: Object.fromEntries(recovery.liveMs),
        firstDeliveryMs: Object.fromEntries(recovery.firstDeliveryMs),
      })),
      faults: (first?.faults ?? []).map(({ evidence, ...fault }) => ({ ...fault, evidence: evidence.join('; ') })),
      anomalies: [...verdicts].flatMap(([place, { anomalies }]) =>
        firstOfEach(anomalies).map((anomaly) => ({ place, ...anomaly })),
      ),
    },
    undefined,
    2,
  )}\n`;
}
