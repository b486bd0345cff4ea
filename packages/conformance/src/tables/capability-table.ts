import type { Kind } from '@waybill/core';
import type { Answer } from '../asked.ts';
import type { Certificate } from '../certificate/certificate.ts';
import { table } from '../certificate/markdown.ts';
import { isBad } from '../states.ts';
import { wordsOf } from '../words.ts';

/** One column: a certificate under its heading. */
export interface Column {
  readonly heading: string;
  readonly certificate: Certificate;
}

interface Row {
  readonly label: string;
  readonly cell: (certificate: Certificate) => string;
}

const asking = (label: string, kind: Kind, need: string, wanted = 'true'): Row => ({
  label,
  cell: ({ answers, capabilities }) =>
    capabilities[kind] === 'none'
      ? '–'
      : describe(answers.find((one) => one.kind === kind && one.need === need && one.wanted === wanted)),
});

function describe(answer: Answer | undefined): string {
  switch (answer?.by) {
    case 'broker':
      return 'native';
    case 'waybill':
      return 'emulated';
    case 'nobody':
      return 'refused';
    default:
      return '–';
  }
}

/** A word of the manifest that nobody asks for by name. */
const word = (label: string, name: string, texts: Readonly<Record<string, string>>): Row => ({
  label,
  cell({ capabilities }) {
    const value = wordsOf(capabilities)
      .find((one) => one.startsWith(`${name}=`))
      ?.slice(name.length + 1);
    return value === undefined ? '–' : (texts[value] ?? value);
  },
});

const promises = (kind: Kind): readonly Row[] => [
  asking('at-least-once', kind, 'delivery', 'at-least-once'),
  asking('at-most-once', kind, 'delivery', 'at-most-once'),
  asking('exactly-once', kind, 'delivery', 'exactly-once'),
  asking('order by key', kind, 'order', 'key'),
  asking('total order', kind, 'order', 'total'),
];
const keeping = (kind: Kind): readonly Row[] => [
  asking('retry with backoff', kind, 'retry', '5 attempts'),
  asking('dead letters with cause', kind, 'deadLetter'),
  asking('delay', kind, 'delay'),
  asking('time to live', kind, 'ttl'),
];

const sections: Readonly<Record<string, readonly Row[]>> = {
  Queues: [
    ...promises('queue'),
    ...keeping('queue'),
    asking('priority', 'queue', 'priority'),
    asking('deduplication', 'queue', 'dedup'),
  ],
  Topics: [
    ...promises('topic'),
    ...keeping('topic'),
    asking('deduplication', 'topic', 'dedup'),
    word('durable subscriptions', 'topic.durable', { subscription: 'native', none: 'refused' }),
    asking('patterns', 'topic', 'pattern'),
    asking('header filters', 'topic', 'filter'),
  ],
  Streams: [
    ...promises('stream'),
    asking('deduplication', 'stream', 'dedup'),
    asking('read from either end', 'stream', 'seek', 'ends'),
    asking('read after a position', 'stream', 'seek', 'position'),
    asking('read from a time', 'stream', 'seek', 'timestamp'),
    asking('consumer groups', 'stream', 'group'),
  ],
  'All of it': [
    word('depth', 'admin', { none: 'refused', inspect: 'native', manage: 'native' }),
    word('purge', 'admin', { none: 'refused', inspect: 'refused', manage: 'native' }),
  ],
};

const legend =
  '**native**: the broker does it. **emulated**: Waybill does it, and `bus.plan` says how and at what price. **refused**: nobody can, and `connect` says so before anything is sent.';

/** @throws Error where a certificate has failures, or a value that no case proved: such a table would be a promise nobody kept. */
export function capabilityTable(columns: readonly Column[]): string {
  for (const column of columns) requireProven(column);
  const rows = Object.entries(sections).flatMap(([title, of]) => [
    [`**${title}**`, ...columns.map(() => '')],
    ...of.map(({ label, cell }) => [label, ...columns.map(({ certificate }) => cell(certificate))]),
  ]);
  return `${table(['', ...columns.map(({ heading }) => heading)], rows)}\n\n${legend}`;
}

function requireProven({ heading, certificate }: Column): void {
  const { profile, chosen } = certificate.run;
  if (profile !== 'full' || chosen) {
    throw new Error(
      `the certificate of ${heading} is of a part of the suite (${chosen?.join(', ') ?? profile}); certify with all of it`,
    );
  }
  const bad = certificate.cases.filter(({ state }) => isBad(state)).map(({ id }) => id);
  if (bad.length > 0)
    throw new Error(`the certificate of ${heading} has cases that failed or are unknown: ${bad.join(', ')}`);
  const open = certificate.proofs.filter(({ state }) => state !== 'proven').map((proof) => proof.word);
  if (open.length > 0)
    throw new Error(
      `the certificate of ${heading} leaves unproven: ${open.join(', ')}; certify with the full profile and every control`,
    );
}
