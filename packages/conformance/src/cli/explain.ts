import { type Case, groups } from '../case.ts';
import { allCases } from '../cases/index.ts';
import { UsageError } from './arguments.ts';

/** What a case proves and what it needs, for `--explain`. */
export function explain(id: string): string {
  const found = allCases().filter(
    (one) => one.id.toLowerCase() === id.toLowerCase() || one.id.toLowerCase().startsWith(`${id.toLowerCase()}:`),
  );
  if (found.length === 0) throw new UsageError(`there is no case ${id}; --list shows them all`);
  return found.map(explainOne).join('\n\n');
}

function explainOne({ id, group, title, kind, priority, requires, proves = [], timeoutMs = 30_000 }: Case): string {
  const { kind: channel, needs, controls = [] } = requires;
  return [
    `${id}  ${title}`,
    `  group     ${group}, ${groups[group]}; a ${kind} case of priority ${priority}; at most ${timeoutMs / 1000} s`,
    ...(channel === undefined
      ? []
      : [
          `  needs     a broker with ${channel}s${needs ? ` that can carry ${JSON.stringify(needs)}` : ''}; elsewhere the refusal is proven`,
        ]),
    ...(controls.length === 0 ? [] : [`  controls  ${controls.join(', ')}; without them it is not run`]),
    ...(proves.length === 0 ? [] : [`  proves    ${proves.join(', ')}`]),
  ].join('\n');
}

export const list = (): string =>
  allCases()
    .map(({ id, priority, title }) => `${id.padEnd(10)}  P${priority}  ${title}`)
    .join('\n');
