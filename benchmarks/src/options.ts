import { parseArgs } from 'node:util';
import { type BrokerName, brokerNames } from './harness/size.ts';

export interface BenchOptions {
  readonly broker: BrokerName;
  readonly isQuick: boolean;
  readonly pairs?: number;
  readonly messages?: number;
  /** Rows whose id begins with it. Default: all. */
  readonly only?: string;
  /** The report; the figures go beside it as `.json`. */
  readonly out?: string;
  /** Instead of a session: one profiled run of each arm. */
  readonly isProfile: boolean;
  /** Measure the sources of the working tree instead of packed packages. */
  readonly isFromSources: boolean;
}

export const usage = `npm run bench -- ${brokerNames.join('|')} [options]

  --pairs <n>      pairs of runs for each row (default 15; with --quick 3)
  --messages <n>   messages of one run
  --only <row>     rows whose id begins with this
  --quick          few and short runs: to look at a change, not to publish
  --out <file>     the report; the figures go beside it as JSON
                   (default benchmarks/reports/<broker>.md, and only for a full session)
  --profile        no session: where each arm spends its time, function by function
  --sources        measure the sources of the working tree instead of the packed packages`;

/** Throws one clear error for what it does not understand. */
export function readOptions(args: readonly string[]): BenchOptions {
  const { values, positionals } = parse(args);
  const [name, ...more] = positionals;
  const broker = brokerNames.find((each) => each === name);
  if (broker === undefined || more.length > 0)
    throw new Error(`Say which broker to measure: ${brokerNames.join(', ')}, and not "${positionals.join(' ')}"`);
  const { pairs, messages, only, out } = values;
  return {
    broker,
    isQuick: values.quick ?? false,
    isProfile: values.profile ?? false,
    isFromSources: values.sources ?? false,
    ...(pairs !== undefined && { pairs: countIn('pairs', pairs) }),
    ...(messages !== undefined && { messages: countIn('messages', messages, 100) }),
    ...(only !== undefined && { only }),
    ...(out !== undefined && { out }),
  };
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      pairs: { type: 'string' },
      messages: { type: 'string' },
      only: { type: 'string' },
      out: { type: 'string' },
      quick: { type: 'boolean' },
      profile: { type: 'boolean' },
      sources: { type: 'boolean' },
    },
  });
}

function countIn(name: string, text: string, least = 1): number {
  const count = Number(text);
  if (!Number.isSafeInteger(count) || count < least)
    throw new Error(`--${name} is "${text}"; give a whole number, ${least} or more`);
  return count;
}
