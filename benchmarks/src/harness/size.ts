/** How much a session runs. */
export interface Size {
  readonly pairs: number;
  /** Of one run of a throughput row. Other rows derive theirs. */
  readonly messages: number;
}

export const brokerNames = ['memory', 'rabbitmq', 'redis', 'nats', 'kafka'] as const;
export type BrokerName = (typeof brokerNames)[number];

const full: Readonly<Record<BrokerName, Size>> = {
  memory: { pairs: 15, messages: 500_000 },
  rabbitmq: { pairs: 15, messages: 50_000 },
  redis: { pairs: 15, messages: 50_000 },
  nats: { pairs: 15, messages: 50_000 },
  // Half of them are to warm up, which has to take a second at least.
  kafka: { pairs: 15, messages: 300_000 },
};
const quick: Readonly<Record<BrokerName, Size>> = {
  memory: { pairs: 3, messages: 100_000 },
  rabbitmq: { pairs: 3, messages: 10_000 },
  redis: { pairs: 3, messages: 10_000 },
  nats: { pairs: 3, messages: 10_000 },
  kafka: { pairs: 3, messages: 20_000 },
};

/** 15 pairs are the fewest that are worth publishing; `--quick` is for those who change something and look. */
export function sizeOf(
  broker: BrokerName,
  options: { readonly isQuick: boolean; readonly pairs?: number; readonly messages?: number },
): Size {
  const { pairs, messages } = (options.isQuick ? quick : full)[broker];
  return { pairs: options.pairs ?? pairs, messages: options.messages ?? messages };
}
