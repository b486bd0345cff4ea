import { redisTarget } from './redis.ts';

export const target = await redisTarget('8');
