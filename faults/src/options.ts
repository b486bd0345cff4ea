import { parseArgs } from 'node:util';
import { type BrokerName, brokerNames, linesOf } from './brokers/names.ts';

export interface RunOptions {
  readonly target: BrokerName | 'memory';
  /** Of the server; absent in memory. */
  readonly line: string | undefined;
  /** Three nodes instead of one. */
  readonly isCluster: boolean;
  readonly messages: number;
  readonly brokerKills: number;
  readonly consumerKills: number;
  readonly seed: number;
  readonly heartbeatMs: number;
  /** Where the report goes, without its ending; absent: to the terminal only. */
  readonly report: string | undefined;
}

const targets = [...brokerNames, 'memory'] as const;
const lines = Object.entries(linesOf).map(
  ([name, [first, ...others]]) => `${name} ${[`(${first})`, ...others].join(' ')}`,
);

export const usage = `npm run test:faults -- ${targets.join('|')} [options]

  --line n              of the server: ${lines.join(', ')}
  --cluster             three nodes, of which one is lost instead of the broker
  --messages n          how many to send (100000)
  --broker-kills n      SIGKILLs of the broker (10); memory: lost connections
  --consumer-kills n    SIGKILLs of a consumer process (10), not in memory
  --seed n              repeats the plan of faults (random, printed)
  --short               5000 messages, 3 and 3 kills
  --report path         writes path.md and path.json`;

export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export function optionsFrom(given: readonly string[]): RunOptions {
  const { values, positionals } = parse(given);
  const [name, ...others] = positionals;
  const target = targets.find((each) => each === name);
  if (target === undefined || others.length > 0)
    throw new UsageError(`which broker? ${targets.join(', ')}, not ${positionals.join(' ') || 'nothing'}`);
  return {
    target,
    line: lineOf(target, values.line),
    isCluster: values.cluster ?? false,
    messages: count('messages', values.messages, values.short ? 5_000 : 100_000, 1_000),
    brokerKills: count('broker-kills', values['broker-kills'], values.short ? 3 : 10, 1),
    consumerKills: count('consumer-kills', values['consumer-kills'], values.short ? 3 : 10, 1),
    seed: count('seed', values.seed, Math.floor(Math.random() * 1e6), 0),
    heartbeatMs: values.short ? 1_000 : 2_000,
    report: values.report?.replace(/\.(md|json)$/, ''),
  };
}

function lineOf(target: RunOptions['target'], given: string | undefined): string | undefined {
  if (target === 'memory') return undefined;
  const known: readonly string[] = linesOf[target];
  const line = known.find((each) => each === (given ?? known[0]));
  if (line === undefined) throw new UsageError(`--line ${given}: there are ${known.join(' and ')}`);
  return line;
}

function parse(given: readonly string[]) {
  const text = { type: 'string' } as const;
  try {
    return parseArgs({
      args: [...given],
      allowPositionals: true,
      options: {
        line: text,
        cluster: { type: 'boolean' },
        messages: text,
        'broker-kills': text,
        'consumer-kills': text,
        seed: text,
        short: { type: 'boolean' },
        report: text,
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function count(name: string, given: string | undefined, otherwise: number, least: number): number {
  const value = given === undefined ? otherwise : Number(given);
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new UsageError(`--${name} ${given}: give a whole number, ${least} or more`);
}
