import { type Case, type Group, groups } from './case.ts';

export interface Selection {
  /** Ids, with `*` for any text: `Q01`, `T*`, `N03:queue.*`. Whatever its priority, a case named here is chosen. */
  readonly only?: readonly string[];
  readonly group?: readonly Group[];
  /** `quick`: priority 0 without load. `full`: all. @default 'full' */
  readonly profile?: 'quick' | 'full';
}

/** @throws TypeError where nothing is chosen: a run of no cases must not look like success. */
export function select(cases: readonly Case[], { only, group, profile = 'full' }: Selection): readonly Case[] {
  const unknown = group?.find((name) => !Object.hasOwn(groups, name));
  if (unknown !== undefined)
    throw new TypeError(`there is no group "${unknown}"; there are ${Object.keys(groups).join(', ')}`);
  const patterns = only?.map(patternOf);
  const chosen = cases.filter((one) => {
    if (group && !group.includes(one.group)) return false;
    if (patterns) return patterns.some((pattern) => pattern.test(one.id));
    return profile === 'full' || (one.priority === 0 && one.kind !== 'load');
  });
  if (chosen.length === 0)
    throw new TypeError(`no case is called ${only?.join(', ') ?? 'so'}${group ? ` in group ${group.join(', ')}` : ''}`);
  return chosen;
}

const patternOf = (text: string): RegExp => new RegExp(`^${text.split('*').map(escape).join('.*')}$`, 'i');
const escape = (text: string): string => text.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`);
