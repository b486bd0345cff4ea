import { noneSent, type Outgoing, type Sent, type Target } from '@waybill/core/driver';
import type { Connection } from './connection.ts';
import { checkedName } from './names.ts';
import { Publisher } from './publisher.ts';
import type { Route } from './records.ts';

/** A publisher for each exchange, so that a missing exchange closes the channel of its own messages only. */
export class Sender {
  readonly #connection: Connection;
  readonly #ready = new Map<string, Publisher>();
  readonly #opening = new Map<string, Promise<Publisher>>();
  readonly #routes = new Map<string, Route>();

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  send(target: Target, batch: readonly Outgoing[]): Promise<Sent> {
    let route: Route;
    try {
      route = this.#route(target);
    } catch (error) {
      return Promise.resolve(noneSent(batch, 'rejected', error));
    }
    const publisher = this.#ready.get(route.exchange);
    if (publisher?.isOpen) return publisher.send(route, batch);
    return this.#open(route.exchange).then(
      (opened) => opened.send(route, batch),
      // Nothing has left: certainly not stored.
      (error: unknown) => noneSent(batch, 'rejected', error),
    );
  }

  #route(target: Target): Route {
    const known = `${target.kind} ${target.name}`;
    const found = this.#routes.get(known);
    if (found !== undefined) return found;
    const route = routeOf(target);
    // Replies go to addresses without number, so they are not kept.
    if (target.kind !== 'reply') this.#routes.set(known, route);
    return route;
  }

  #open(exchange: string): Promise<Publisher> {
    const begun = this.#opening.get(exchange);
    if (begun !== undefined) return begun;
    const opening = this.#publisher(exchange).finally(() => this.#opening.delete(exchange));
    this.#opening.set(exchange, opening);
    return opening;
  }

  async #publisher(exchange: string): Promise<Publisher> {
    const channel = await this.#connection.model.createConfirmChannel();
    const publisher = new Publisher(this.#connection, channel);
    // Rejects with 404 before anything was published: then nothing is unknown.
    if (exchange !== '') await channel.checkExchange(exchange);
    this.#ready.set(exchange, publisher);
    return publisher;
  }
}

/**
 * Queues and streams must take the message (`mandatory`); a topic without subscribers is none of the sender's business.
 * RabbitMQ 3.10 returns what it delivered to a direct reply-to consumer, hence the exception.
 */
function routeOf(target: Target): Route {
  if (target.kind === 'topic')
    return { exchange: checkedName('topic', target.name), mandatory: false, persistent: true, routingKey: undefined };
  if (target.kind === 'reply')
    return {
      exchange: '',
      mandatory: !target.name.startsWith('amq.rabbitmq.reply-to.'),
      persistent: false,
      routingKey: target.name,
    };
  return { exchange: '', mandatory: true, persistent: true, routingKey: checkedName(target.kind, target.name) };
}
