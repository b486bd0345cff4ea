import { styleText } from 'node:util';
import { type Group, groups } from '../case.ts';
import type { Result } from '../result.ts';
import { isBad, type State, stateNames } from '../states.ts';
import type { Certificate } from './certificate.ts';

/** How wide the text may be, and whether it may be coloured. */
export interface Terminal {
  readonly columns: number;
  readonly isColoured: boolean;
}

const colours = {
  pass: 'green',
  fail: 'red',
  refused: 'cyan',
  'not-applicable': 'gray',
  'not-run': 'yellow',
  unknown: 'magenta',
} as const satisfies Record<State, string>;

const paint = (state: State, text: string, { isColoured }: Terminal): string =>
  isColoured ? styleText(colours[state], text, { validateStream: false }) : text;

/** One line for one case. */
export function caseLine({ id, title, state, durationMs }: Result, terminal: Terminal): string {
  const left = `${state.padEnd(14)}  ${id.padEnd(6)}  `;
  const right = `  ${durationMs} ms`;
  const width = Math.max(20, terminal.columns - left.length - right.length);
  const shown = title.length > width ? `${title.slice(0, width - 1)}…` : title.padEnd(width);
  return `${paint(state, state.padEnd(14), terminal)}  ${id.padEnd(6)}  ${shown}${right}`;
}

/** The closing report: what went wrong with its reasons, then a table of counts by group. */
export function summary(certificate: Certificate, terminal: Terminal): string {
  const { adapter, broker, run, cases } = certificate;
  const trouble = cases.filter(({ state }) => isBad(state)).map((one) => troubleOf(one, terminal));
  const unrun = cases.filter(({ state }) => state === 'not-run').map(({ id, reason }) => `  ${id}: ${reason}`);
  return [
    ...trouble,
    ...(unrun.length > 0 ? [`Not run, so not proven here:\n${unrun.join('\n')}`] : []),
    countLines(certificate, terminal),
    `${adapter.name} on ${broker.target} ${broker.version}: ${cases.length} cases in ${(run.durationMs / 1000).toFixed(1)} s, seed ${run.seed}`,
  ].join('\n\n');
}

const troubleOf = ({ id, title, state, reason = '', stack }: Result, terminal: Terminal): string =>
  [
    paint(state, `${state}  ${id}  ${title}`, terminal),
    ...`${reason}${stack === undefined ? '' : `\n${frames(stack)}`}`.split('\n').map((line) => `    ${line}`),
  ].join('\n');

const frames = (stack: string): string =>
  stack
    .split('\n')
    .filter((line) => /^\s+at /.test(line) && !line.includes('node:internal'))
    .slice(0, 6)
    .map((line) => line.trim())
    .join('\n');

function countLines({ byGroup, counts }: Certificate, terminal: Terminal): string {
  const rows = [
    ...Object.entries(byGroup).map(([group, of]) => [`${group} ${groups[group as Group]}`, of] as const),
    ['all', counts] as const,
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  const head = `${''.padEnd(width)}  ${stateNames.join('  ')}`;
  const lines = rows.map(
    ([name, of]) =>
      `${name.padEnd(width)}  ${stateNames.map((state) => shownCount(state, of[state], terminal)).join('  ')}`,
  );
  return [head, ...lines].join('\n');
}

function shownCount(state: State, value: number, terminal: Terminal): string {
  const text = (value === 0 ? '·' : String(value)).padStart(state.length);
  return value === 0 ? text : paint(state, text, terminal);
}
