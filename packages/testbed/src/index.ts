export { TestbedError } from './errors.ts';
export { testbedDirectory } from './directory.ts';
export { installRabbitmq } from './rabbitmq/install.ts';
export { rabbitmqLines, urlVariables, type RabbitmqLine } from './rabbitmq/lines.ts';
export { startRabbitmq } from './rabbitmq/start.ts';
export type { Broker, BrokerTls, StartOptions, User } from './rabbitmq/broker.ts';
