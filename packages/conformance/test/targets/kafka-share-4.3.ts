import { kafkaTarget } from './kafka.ts';

export const target = await kafkaTarget('4.3', 'platformatic', 'share-groups');
