/** How much a session runs. */
export interface Size {
  readonly pairs: number;
  /** Of one run of a throughput row. Other rows derive theirs. */
  readonly messages: number;
}

export type BrokerName = 'memory' | 'rabbitmq';

const full: Readonly<Record<BrokerName, Size>> = {
  memory: { pairs: 15, messages: 500_000 },
  rabbitmq: { pairs: 15, messages: 50_000 },
};
const quick: Readonly<Record<BrokerName, Size>> = {
  memory: { pairs: 3, messages: 100_000 },
  rabbitmq: { pairs: 3, messages: 10_000 },
};

/** 15 pairs are the fewest that are worth publishing; `--quick` is for those who change something and look. */
export function sizeOf(
  broker: BrokerName,
  options: { readonly isQuick: boolean; readonly pairs?: number; readonly messages?: number },
): Size {
  const { pairs, messages } = (options.isQuick ? quick : full)[broker];
  return { pairs: options.pairs ?? pairs, messages: options.messages ?? messages };
}
