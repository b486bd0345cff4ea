import { type Metric, units } from './figures.ts';
import type { Footprint } from './footprint.ts';
import { type Compared, controlTolerance, type Judged } from './judge.ts';
import type { FinishedRow, SessionFacts, SessionResult } from './result.ts';
import type { Gate } from './row.ts';
import type { Estimate } from './statistics.ts';

/** The whole report as Markdown. */
export function report(result: SessionResult): string {
  const { facts, rows, footprint } = result;
  return (
    [
      `# Benchmarks: ${facts.broker}`,
      `Written by \`npm run bench\`; not edited. The figures of every run are in the JSON file beside it. How it is measured: \`benchmarks/README.md\`.`,
      verdictOf(result),
      '## Session',
      sessionTable(facts, rows),
      '## Targets',
      targetTable(rows, footprint),
      '## Rows',
      'Medians with 95 % intervals (bootstrap). A ratio is taken pair by pair: the second arm by the first.',
      ...rows.map(rowSection),
      ...(footprint === undefined ? [] : [footprintSection(footprint)]),
    ].join('\n\n') + '\n'
  );
}

function verdictOf({ facts, voidBecause }: SessionResult): string {
  const percent = controlTolerance * 100;
  const reasons = voidBecause.map((reason) => `- ${reason}`).join('\n');
  if (voidBecause.length > 0) return `**This session is void.** Nothing below is a result:\n\n${reasons}`;
  const valid = `The session counts: raw against raw includes 1.00, and its median is within ${percent} % of it.`;
  return facts.isQuick ? `**A quick look: too few and too short runs for a result.** ${valid}` : valid;
}

function sessionTable({ machine, size, ...facts }: SessionFacts, rows: readonly FinishedRow[]): string {
  const code = facts.code === 'packages' ? 'the packages as packed for a release' : 'the sources of the working tree';
  return table(
    ['', ''],
    [
      ['started', `${facts.startedAt}, ${facts.minutes.toFixed(0)} minutes`],
      ['machine', `${machine.processor}, ${machine.cores} cores, ${machine.memoryGb} GB, ${machine.system}`],
      ['load when it began', `${machine.load.join(', ')} (1, 5, 15 minutes)`],
      ['load while it ran', loadOf(rows)],
      ['broker', facts.broker],
      ['Node.js', `${machine.node} (V8 ${machine.v8}), type stripping for the arms, no other flag`],
      ['clients', machine.clients],
      ['measured code', `${code}, commit ${machine.commit}`],
      [
        'runs',
        `${size.pairs} pairs a row (fewer where a row says so), A B B A, a fresh process each, nothing discarded`,
      ],
      ['messages', `${size.messages} a run (where a row does not say otherwise)`],
      ...(facts.only === undefined ? [] : [['rows', `only those that begin with "${facts.only}"`] as const]),
    ],
  );
}

/** Of the minute at the end of each row; a session makes two or three by itself. */
function loadOf(rows: readonly FinishedRow[]): string {
  const loads = rows.map(({ load }) => load);
  return loads.length === 0
    ? 'no row was run'
    : `${Math.min(...loads)} to ${Math.max(...loads)} (1 minute, after each row)`;
}

function targetTable(rows: readonly FinishedRow[], footprint: Footprint | undefined): string {
  const judged = rows.flatMap((row) =>
    row.judged.map((one) => [
      row.row.target === undefined ? '' : String(row.row.target),
      `${row.row.title} (\`${row.row.id}\`)`,
      limitOf(one.gate),
      foundOf(row, one.gate),
      wordOf(one),
    ]),
  );
  const weighed = (footprint?.judged ?? []).map(({ what, limit, found, isMet }) => [
    '13',
    what,
    limit,
    found,
    isMet ? 'met' : '**missed**',
  ]);
  return table(['target', 'row', 'limit', 'found', ''], [...judged, ...weighed]);
}

const wordOf = ({ verdict, isClose }: Judged): string => {
  const word = verdict === 'met' ? 'met' : `**${verdict}**`;
  return isClose && verdict !== 'void' ? `${word}, but its interval reaches across the limit` : word;
};

function limitOf(gate: Gate): string {
  const what = gate.of === 'figure' ? units[gate.metric] : `${gate.metric} ratio`;
  const limit = gate.atLeast === undefined ? `≤ ${quantity(gate.atMost ?? NaN)}` : `≥ ${quantity(gate.atLeast)}`;
  return `${what} ${limit}${gate.of === 'ratio or difference' ? ` or + ${gate.differenceAtMost} µs` : ''}`;
}

function foundOf({ compared }: FinishedRow, gate: Gate): string {
  const found = compared.find(({ metric }) => metric === gate.metric);
  if (found === undefined) return '';
  const value = gate.of === 'figure' ? found.figures.at(-1) : found.ratio;
  const difference =
    gate.of === 'ratio or difference' && found.difference ? `; difference ${estimateOf(found.difference)} µs` : '';
  return (value === undefined ? '' : estimateOf(value)) + difference;
}

function rowSection({ row, compared, faulty, runs }: FinishedRow): string {
  const names = row.arms.map(({ name }) => name);
  const hasRatio = names.length > 1;
  const head = ['', ...names, ...(hasRatio ? ['ratio'] : [])];
  const lines = compared.map((one) => [units[one.metric], ...one.figures.map(estimateOf), ...ratioOf(one)]);
  const notes = [
    ...row.notes,
    `${runs.length} runs; ${row.messages} messages each${messagesOf(row.arms)}, after ${row.warmUp} to warm up${row.turns === undefined ? '' : `, in ${row.turns} turns`}`,
  ];
  return [
    `### ${row.title}`,
    faulty.length > 0
      ? `**Void**: ${faulty.length} of ${runs.length} runs lost, repeated or reordered messages:\n\n${faulty.map(faultLine).join('\n')}`
      : '',
    table(head, lines),
    notes.map((note) => `- ${note}`).join('\n'),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

const faultLine = ({ arm, pair, faults }: FinishedRow['runs'][number]): string =>
  `- ${arm}, pair ${pair + 1}: ${faults.lost} lost, ${faults.duplicates} repeated, ${faults.outOfOrder} out of order`;

function messagesOf(arms: FinishedRow['row']['arms']): string {
  const own = arms.flatMap(({ name, messages }) => (messages === undefined ? [] : [`${name}: ${messages}`]));
  return own.length === 0 ? '' : ` (${own.join(', ')})`;
}

const ratioOf = ({ ratio }: Compared): string[] =>
  ratio === undefined ? [] : [`**${ratio.median.toFixed(3)}** [${ratio.low.toFixed(3)}, ${ratio.high.toFixed(3)}]`];

function footprintSection(found: Footprint): string {
  const times: readonly (readonly [string, Estimate])[] = [
    ['`@waybill/core`', found.coreImportMs],
    ['`amqplib`', found.clientImportMs],
    ['`@waybill/adapter-rabbitmq`, amqplib with it', found.adapterImportMs],
    ['adapter less amqplib, pair by pair', found.addedMs],
  ];
  return [
    '### Footprint',
    table(
      ['import, fresh process', 'ms'],
      times.map(([what, estimate]) => [what, estimateOf(estimate)]),
    ),
    `- core, unpacked from its tarball: ${found.installedBytes} bytes, ${found.dependencies} dependencies of any kind`,
    `- ${found.coreImportMs.count} processes each; the files were in the system's cache`,
  ].join('\n\n');
}

const estimateOf = ({ median, low, high }: Estimate): string =>
  `${quantity(median)} [${quantity(low)}, ${quantity(high)}]`;

/** Three to four significant digits, with thousands apart. */
export function quantity(value: number): string {
  const size = Math.abs(value);
  const digits = size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : 3;
  return value.toLocaleString('en-US', { minimumFractionDigits: 0, maximumFractionDigits: digits });
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** One line for the terminal, while a session runs. */
export function runLine(metrics: readonly Metric[], figures: (metric: Metric) => number | undefined): string {
  return metrics.map((metric) => `${quantity(figures(metric) ?? NaN)} ${units[metric]}`).join(', ');
}
