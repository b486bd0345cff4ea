import { parseArgs } from 'node:util';
import { type RabbitmqLine, rabbitmqLines } from '@waybill/testbed';

export interface RunOptions {
  readonly target: 'rabbitmq' | 'memory';
  readonly line: RabbitmqLine;
  readonly messages: number;
  readonly brokerKills: number;
  readonly consumerKills: number;
  readonly seed: number;
  readonly heartbeatMs: number;
  /** Where the report goes, without its ending; absent: to the terminal only. */
  readonly report: string | undefined;
}

export const usage = `npm run test:faults -- rabbitmq|memory [options]

  --line 4.3|3.10       RabbitMQ only (4.3)
  --messages n          how many to send (100000)
  --broker-kills n      SIGKILLs of the broker (10); memory: lost connections
  --consumer-kills n    SIGKILLs of a consumer process (10), RabbitMQ only
  --seed n              repeats the plan of faults (random, printed)
  --short               5000 messages, 3 and 3 kills
  --report path         writes path.md and path.json`;

export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export function optionsFrom(given: readonly string[]): RunOptions {
  const { values, positionals } = parse(given);
  const [target, ...others] = positionals;
  if ((target !== 'rabbitmq' && target !== 'memory') || others.length > 0)
    throw new UsageError(`which broker? rabbitmq or memory, not ${positionals.join(' ') || 'nothing'}`);
  const line = rabbitmqLines.find((each) => each === (values.line ?? '4.3'));
  if (line === undefined) throw new UsageError(`--line ${values.line}: there are ${rabbitmqLines.join(' and ')}`);
  return {
    target,
    line,
    messages: count('messages', values.messages, values.short ? 5_000 : 100_000, 1_000),
    brokerKills: count('broker-kills', values['broker-kills'], values.short ? 3 : 10, 1),
    consumerKills: count('consumer-kills', values['consumer-kills'], values.short ? 3 : 10, 1),
    seed: count('seed', values.seed, Math.floor(Math.random() * 1e6), 0),
    heartbeatMs: values.short ? 1_000 : 2_000,
    report: values.report?.replace(/\.(md|json)$/, ''),
  };
}

function parse(given: readonly string[]) {
  const text = { type: 'string' } as const;
  try {
    return parseArgs({
      args: [...given],
      allowPositionals: true,
      options: {
        line: text,
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
