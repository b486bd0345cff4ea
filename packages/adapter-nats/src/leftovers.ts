import type { Connection } from './connection.ts';
import { sweep } from './consumption.ts';

/**
 * What lost connections leave behind on the server, kept by the driver: the next connection gives it back, instead of
 * everybody waiting until the server notices. Only what is certainly still ours.
 */
export class Leftovers {
  /** Deliveries, and when their lease ends on the clock of `performance.now()`; all of one run of one server. */
  readonly #deliveries = new Map<string, number>();
  #serverId = '';
  /** Consumers that nobody else uses, by stream. */
  readonly #consumers = new Map<string, Set<string>>();

  addDeliveries(held: ReadonlyMap<string, number>, { serverId }: Connection): void {
    if (this.#serverId !== serverId) this.#deliveries.clear();
    this.#serverId = serverId;
    for (const [receipt, leaseEndsAt] of held) this.#deliveries.set(receipt, leaseEndsAt);
  }

  addConsumer(stream: string, consumer: string): void {
    this.#consumers.set(stream, (this.#consumers.get(stream) ?? new Set()).add(consumer));
  }

  /** After its lease a delivery may be somebody else's already, and so it may after the server began anew. */
  giveBack(connection: Connection): void {
    const now = performance.now();
    const isSame = connection.serverId === this.#serverId;
    const ours = isSame ? [...this.#deliveries].filter(([, leaseEndsAt]) => leaseEndsAt > now) : [];
    this.#deliveries.clear();
    void giveBackAll(
      connection,
      ours.map(([receipt]) => receipt),
    );
  }

  takeConsumers(stream: string): ReadonlySet<string> {
    const left = this.#consumers.get(stream) ?? new Set();
    this.#consumers.delete(stream);
    return left;
  }
}

/** The requests of the lost connection first: see `sweep`. */
async function giveBackAll(connection: Connection, receipts: readonly string[]): Promise<void> {
  if (connection.isForgetful) {
    const consumers = new Set(receipts.map((receipt) => receipt.split('.').slice(2, 4).join('.')));
    await Promise.allSettled([...consumers].map((consumer) => sweep(connection, consumer)));
  }
  if (!connection.client.isClosed()) for (const receipt of receipts) connection.client.publish(receipt, '-NAK');
}
