import { kafkaLines, natsLines, rabbitmqLines, redisLines } from '@waybill/testbed';

/** Lines of servers that a run can start, the default first. */
export const linesOf = {
  rabbitmq: rabbitmqLines,
  redis: redisLines,
  nats: natsLines,
  kafka: kafkaLines,
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type BrokerName = keyof typeof linesOf;
export const brokerNames = Object.keys(linesOf) as readonly BrokerName[];
