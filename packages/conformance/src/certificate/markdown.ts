import { type Group, groups } from '../case.ts';
import type { Result } from '../result.ts';
import { isBad, stateNames, states } from '../states.ts';
import type { Certificate, Counts } from './certificate.ts';

/** For people: verdict, figures, capabilities with what proves them, every case. */
export function toMarkdown(certificate: Certificate): string {
  const { adapter, broker, run, suite, contract } = certificate;
  return [
    `# Certificate: ${adapter.name} on ${broker.target} ${broker.version}`,
    verdictOf(certificate),
    table(
      ['', ''],
      [
        ['suite', `${suite.name} ${suite.version}, driver contract ${contract}`],
        ['adapter', [adapter.package ?? adapter.name, adapter.version].filter(Boolean).join(' ')],
        ['deployment', `${broker.note} (durable: ${broker.durable})`],
        [
          'run',
          `${run.startedAt}, ${(run.durationMs / 1000).toFixed(1)} s, profile ${run.profile}${run.chosen ? ` (only ${run.chosen.join(', ')})` : ''}, seed ${run.seed}, Node ${run.node}`,
        ],
      ],
    ),
    '## Figures',
    countTable(certificate),
    stateNames.map((state) => `- **${state}**: ${states[state]}`).join('\n'),
    '## Capabilities',
    table(
      ['value', 'state', 'by'],
      certificate.proofs.map(({ word, state, by }) => [`\`${word}\``, state, by.join(', ')]),
    ),
    '## Cases',
    table(['case', 'what holds', 'state', 'ms', ''], certificate.cases.map(caseRow)),
    '',
  ].join('\n\n');
}

/** One sentence. */
function verdictOf({ counts, cases }: Pick<Certificate, 'counts' | 'cases'>): string {
  const bad = cases.filter(({ state }) => isBad(state));
  if (bad.length === 0) return `Nothing failed: ${counts.pass} passed, ${counts.refused} refused as they must be.`;
  return `**${bad.length} of ${cases.length} cases failed or are unknown: ${bad.map(({ id }) => id).join(', ')}.**`;
}

function countTable({ counts, byGroup }: Certificate): string {
  const row = (name: string, of: Counts): string[] => [name, ...stateNames.map((state) => String(of[state]))];
  const rows = Object.entries(byGroup).map(([group, of]) => row(`${group} ${groups[group as Group]}`, of));
  return table(['group', ...stateNames], [...rows, row('all', counts)]);
}

const caseRow = ({ id, title, state, durationMs, reason, evidence }: Result): string[] => [
  id,
  title,
  state,
  String(durationMs),
  [reason, ...Object.entries(evidence).map(([name, value]) => `${name}: ${value}`)].filter(Boolean).join('; '),
];

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

const cell = (text: string): string => text.replaceAll('|', String.raw`\|`).replaceAll(/\s*\n\s*/g, ' ');
