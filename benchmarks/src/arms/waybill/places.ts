import { type Queue, queue, type Stream, stream, type } from '@waybill/core';
import type { Order } from '../shared/order.ts';

/** A queue as users declare it: with retries and dead letters, which cost something even when nothing fails. */
export const usual = (name: string): Queue<Order> => queue<Order>(name);

/** One partition, so that the sequence can be checked. */
export const log = (name: string): Stream<Order> => stream(name, { schema: type<Order>(), partitions: 1 });

/** One queue at the broker and none beside it: there are a thousand of these. */
export const lone = (name: string): Queue<Order> =>
  queue(name, { schema: type<Order>(), deadLetter: false, retry: { attempts: 1 } });
