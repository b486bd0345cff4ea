import { exponential, queue, stream, topic, type } from '@waybill/core';

export interface Order {
  readonly id: string;
  readonly customerId: string;
  readonly total: number;
}
export interface OrderEvent {
  readonly orderId: string;
  readonly what: 'created' | 'paid';
}
export interface Click {
  readonly userId: string;
  readonly page: string;
}

/** Work: each order is billed once. Orders of one customer keep their order, failures are tried again, then kept aside. */
export const orders = queue('quickstart-orders', {
  schema: type<Order>(),
  needs: { order: 'key', deadLetter: true },
  key: (order) => order.customerId,
  retry: { attempts: 3, backoff: exponential({ firstMs: 100 }) },
});

/** News: whoever subscribed gets a copy. */
export const orderEvents = topic('quickstart-order-events', { schema: type<OrderEvent>(), needs: { pattern: true } });

/** A record that can be read again. */
export const clicks = stream('quickstart-clicks', { schema: type<Click>(), needs: { seek: 'position' } });
