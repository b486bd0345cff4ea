import { rabbitmqTarget } from './rabbitmq.ts';

export const target = await rabbitmqTarget('4.3');
