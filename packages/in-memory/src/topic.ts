import type { Filter } from '@waybill/core/driver';
import { Dedup } from './dedup.ts';
import { missing, notFound } from './errors.ts';
import type { Host } from './host.ts';
import { Journal } from './journal.ts';
import { compileFilter } from './pattern.ts';
import { type Keeping, Queue } from './queue.ts';
import type { Stored } from './records.ts';

/** What one subscriber, or all who share its name, gets of a topic. */
export interface Subscription {
  readonly queue: Queue;
  readonly filter: Filter | undefined;
  readonly matches: ((stored: Stored) => boolean) | undefined;
}

/** What a subscription asks for. */
export interface SubscriptionTerms {
  readonly order: 'none' | 'key' | 'total';
  readonly filter?: Filter | undefined;
  /** Where what is rejected or expires goes. */
  readonly deadLetter?: string | undefined;
}

/** Copies what is published into every subscription that wants it. With none, nobody gets it, and that is fine. */
export class Topic {
  readonly name: string;
  readonly order: 'none' | 'key' | 'total';
  readonly dedup: Dedup;
  readonly sent: Journal<Stored>;
  /** The durable ones, by name. */
  readonly subscriptions = new Map<string, Subscription>();
  readonly #ephemeral = new Set<Subscription>();
  readonly #host: Host;
  #names = 0;

  constructor(name: string, order: 'none' | 'key' | 'total', host: Host) {
    this.name = name;
    this.order = order;
    this.dedup = new Dedup(host.dedup);
    this.sent = new Journal(host.history);
    this.#host = host;
  }

  put(stored: Stored, keeping: Keeping): undefined {
    this.sent.add(stored);
    for (const subscription of this.subscriptions.values()) deliver(subscription, stored, keeping);
    for (const subscription of this.#ephemeral) deliver(subscription, stored, keeping);
  }

  /** It collects from now on, whether anybody consumes or not. */
  subscribe({ name, order, filter, deadLetter }: SubscriptionTerms & { readonly name: string }): void {
    this.subscriptions.set(name, this.#make(name, { order, filter, deadLetter }));
  }

  /** For as long as one receiver lives. */
  subscribeForNow(terms: SubscriptionTerms): { readonly queue: Queue; readonly end: () => void } {
    this.#names += 1;
    const subscription = this.#make(`(ephemeral ${this.#names})`, terms);
    this.#ephemeral.add(subscription);
    return { queue: subscription.queue, end: () => this.#ephemeral.delete(subscription) };
  }

  /** The durable subscription of that name. Throws `not-found`. */
  subscription(name: string): Subscription {
    return this.subscriptions.get(name) ?? missing('subscription', `${this.name}/${name}`);
  }

  unsubscribe(name: string): void {
    const subscription = this.subscriptions.get(name);
    this.subscriptions.delete(name);
    subscription?.queue.remove(notFound('subscription', `${this.name}/${name}`));
  }

  remove(cause: unknown): void {
    for (const { queue } of [...this.subscriptions.values(), ...this.#ephemeral]) queue.remove(cause);
    this.subscriptions.clear();
    this.#ephemeral.clear();
  }

  /** Every line of messages behind it. */
  queues(): Queue[] {
    return [...this.subscriptions.values(), ...this.#ephemeral].map(({ queue }) => queue);
  }

  #make(name: string, { order, filter, deadLetter }: SubscriptionTerms): Subscription {
    const queue = new Queue(`${this.name}/${name}`, { order, priority: true, deadLetter }, this.#host);
    return { queue, filter, matches: compileFilter(filter) };
  }
}

function deliver({ queue, matches }: Subscription, stored: Stored, keeping: Keeping): void {
  if (!matches || matches(stored)) queue.put(stored, keeping);
}
