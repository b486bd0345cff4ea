import { rabbitmqTarget } from './rabbitmq.ts';

export const target = await rabbitmqTarget('3.10');
