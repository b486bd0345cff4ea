import { randomUUID } from 'node:crypto';
import { type Consumer, type JetStreamClient, jetstream, type JsMsg } from '@nats-io/jetstream';
import { connect, headers as newHeaders, type NatsConnection } from '@nats-io/transport-node';
import { inLanes } from '../shared/lanes.ts';
import { type Assignment, numberIn, textIn } from '../shared/measured.ts';
import { makeOrder, type Order } from '../shared/order.ts';
import { type RawClient, rawPrograms } from '../shared/raw-client.ts';

type Handle = (order: Order) => Promise<void>;

/**
 * The stock client of JetStream. Settings: `style` (`idiomatic`; `tuned`; `each`: sends await one another), `kind`
 * (`queue`: a work-queue stream and its consumer `bench`; `read`: an ordered consumer of a stream), `queue` (name of the
 * stream and its subject), `prefetch`, `window`.
 */
async function open(assignment: Assignment): Promise<RawClient> {
  const client: NatsConnection = await connect({ servers: new URL(textIn(assignment, 'url')).host });
  const style = textIn(assignment, 'style');
  const subject = textIn(assignment, 'queue');
  const stream: JetStreamClient = jetstream(client);
  const publish = (index: number): Promise<unknown> => {
    const headers = newHeaders();
    headers.set('Nats-Msg-Id', randomUUID());
    headers.set('type', 'application/json');
    headers.set('at', String(Date.now()));
    return stream.publish(subject, JSON.stringify(makeOrder(index)), { headers });
  };
  const width = style === 'each' ? 1 : numberIn(assignment, 'window');
  const max_messages = numberIn(assignment, 'prefetch');
  return {
    publish,
    publishAll: (first, count) => inLanes(first, count, width, publish),
    async consume(handle) {
      if (textIn(assignment, 'kind') === 'read') {
        const consumer = await stream.consumers.get(subject);
        void (style === 'tuned'
          ? consumer.consume({ max_messages, callback: (message) => void handle(message.json()) })
          : readEach(await consumer.consume(), handle));
        return;
      }
      const consumer = await stream.consumers.get(subject, 'bench');
      void (style === 'tuned' ? consumeTuned(consumer, max_messages, handle) : consumeEach(consumer, handle));
    },
  };
}

/** As the client's readme reads a stream. */
async function readEach(messages: AsyncIterable<JsMsg>, handle: Handle): Promise<void> {
  for await (const message of messages) await handle(message.json());
}

/** As the client's readme consumes: one after another, each acknowledged. */
async function consumeEach(consumer: Consumer, handle: Handle): Promise<void> {
  for await (const message of await consumer.consume()) {
    await handle(message.json());
    message.ack();
  }
}

/** Handlers beside each other, and no iterator between them and the socket; the client writes all acknowledgements of a turn at once. */
async function consumeTuned(consumer: Consumer, max_messages: number, handle: Handle): Promise<void> {
  await consumer.consume({
    max_messages,
    callback: (message) => void handle(message.json()).then(() => message.ack()),
  });
}

export const programs = rawPrograms(open);
