import { redisTarget } from './redis.ts';

export const target = await redisTarget('valkey-9');
