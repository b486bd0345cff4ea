import type { HistoryEvent } from './event.ts';
import type { Counts, FaultRecord, Verdict } from './verdict.ts';

/** What a report says first, as a label and its text. */
export function factsOf(verdict: Verdict): readonly (readonly [string, string])[] {
  const { counts, faults } = verdict;
  const { published, handled } = counts;
  return [
    [
      'run',
      `${verdict.run}: ${number(counts.events)} events of ${verdict.processes.length} processes in ${seconds(verdict.spanMs)}`,
    ],
    [
      'published',
      `${number(counts.messages)} messages: ${number(published.ok)} confirmed, ${number(published.failed)} failed, ${unknowns(counts)}`,
    ],
    ['delivered', `${number(counts.deliveries)} times: ${number(handled.ok)} handled, ${number(handled.error)} failed`],
    [
      'given up',
      `${number(counts.deadLetters)} dead-lettered, ${number(counts.expired)} expired, ${number(counts.dropped)} dropped`,
    ],
    ['came again', explained(counts)],
    ['faults', faults.length === 0 ? 'none' : kinds(faults)],
  ];
}

function unknowns({ published, unknownSeen, unknownUnseen }: Counts): string {
  return `${number(published.unknown)} unknown (${number(unknownSeen)} seen, ${number(unknownUnseen)} not)`;
}

function explained({ explained }: Counts): string {
  const causes = Object.entries(explained).toSorted(([, left], [, right]) => right - left);
  const total = causes.reduce((sum, [, count]) => sum + count, 0);
  return total === 0
    ? 'nothing'
    : `${number(total)}: ${causes.map(([cause, count]) => `${number(count)} ${cause}`).join(', ')}`;
}

function kinds(faults: readonly FaultRecord[]): string {
  const counts = new Map<string, number>();
  for (const { kind, scope } of faults) counts.set(`${kind} (${scope})`, (counts.get(`${kind} (${scope})`) ?? 0) + 1);
  return [...counts].map(([kind, count]) => `${number(count)} × ${kind}`).join(', ');
}

/** One event of a witness: when, where, what. */
export function describeEvent(event: HistoryEvent, beganAt: number): string {
  const { at, process, type, ...fields } = event;
  const said = Object.entries(fields).filter(([, value]) => value !== undefined);
  return `+${(at - beganAt).toFixed(1)} ms  ${process}  ${type}  ${said.map(([name, value]) => `${name}=${text(value)}`).join(' ')}`.trimEnd();
}

function text(value: unknown): string {
  return typeof value === 'string' && /^[\w./#-]+$/.test(value) ? value : JSON.stringify(value);
}

/** `1234567` as `1,234,567`, on every machine alike. */
export function number(value: number): string {
  return value.toLocaleString('en-US');
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
