import type { NatsConnection } from '@nats-io/transport-node';

/**
 * What lost connections leave behind on the server, kept by the driver: the next connection gives it back, instead of
 * everybody waiting until the server notices. Only what is certainly still ours.
 */
export class Leftovers {
  /** Deliveries, and when their lease ends on the clock of `performance.now()`. */
  readonly #deliveries = new Map<string, number>();
  /** Consumers that nobody else uses, by stream. */
  readonly #consumers = new Map<string, Set<string>>();

  addDeliveries(held: ReadonlyMap<string, number>): void {
    for (const [receipt, leaseEndsAt] of held) this.#deliveries.set(receipt, leaseEndsAt);
  }

  addConsumer(stream: string, consumer: string): void {
    this.#consumers.set(stream, (this.#consumers.get(stream) ?? new Set()).add(consumer));
  }

  /** After its lease a delivery may be somebody else's already. */
  giveBack(client: NatsConnection): void {
    const now = performance.now();
    for (const [receipt, leaseEndsAt] of this.#deliveries) if (leaseEndsAt > now) client.publish(receipt, '-NAK');
    this.#deliveries.clear();
  }

  takeConsumers(stream: string): ReadonlySet<string> {
    const left = this.#consumers.get(stream) ?? new Set();
    this.#consumers.delete(stream);
    return left;
  }
}
