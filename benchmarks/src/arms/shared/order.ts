/** The message of every benchmark: an order as JSON, always 200 bytes. */
export interface Order {
  /** Its place in the sequence, plus `firstNumber`. */
  readonly number: number;
  readonly orderId: string;
  readonly customerId: string;
  readonly total: number;
  readonly currency: string;
  readonly items: readonly { readonly sku: string; readonly quantity: number }[];
  readonly note: string;
}

export const orderBytes = 200;

/** Numbers begin here, so that all have as many digits. */
const firstNumber = 1_000_000_000;

const items = [
  { sku: 'sku-10442', quantity: 2 },
  { sku: 'sku-77', quantity: 1 },
];

function order(number: number, note: string): Order {
  return { number, orderId: `order-${number}`, customerId: 'customer-7', total: 129.95, currency: 'EUR', items, note };
}

const note = 'x'.repeat(orderBytes - JSON.stringify(order(firstNumber, '')).length);

export const makeOrder = (index: number): Order => order(firstNumber + index, note);
export const indexOf = ({ number }: Order): number => number - firstNumber;

/** `count` orders, the first with this index. */
export const makeOrders = (first: number, count: number): Order[] =>
  Array.from({ length: count }, (_, offset) => makeOrder(first + offset));
