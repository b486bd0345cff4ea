import { natsTarget } from './nats.ts';

export const target = await natsTarget('2.9');
