import { type ChannelModel, connect, type ConfirmChannel, type Options } from 'amqplib';
import { type Assignment, type Measured, numberIn, textIn } from '../shared/measured.ts';
import { makeOrder } from '../shared/order.ts';
import { measurePublishing } from '../shared/publishing.ts';
import { bare, connectCorked, envelope, Window } from './raw.ts';

type Send = (first: number, count: number) => Promise<void>;

/**
 * Publishes with confirms and amqplib. Settings: `style` (`each`: await every confirm; `batches`: publish `window`, await
 * all; `tuned`: a sliding window; `corked`: that, and one system call a turn), `window`, `envelope` (`full` as Waybill's, or `bare`).
 */
export async function program(assignment: Assignment): Promise<Measured> {
  const style = textIn(assignment, 'style');
  const { connection, write } = await connectFor(style, textIn(assignment, 'url'));
  const channel = await connection.createConfirmChannel();
  const send = senderOf(style, channel, assignment, write);
  const measured = await measurePublishing(assignment, send);
  await connection.close();
  return measured;
}

type Write = (publish: () => void) => void;

async function connectFor(
  style: string,
  url: string,
): Promise<{ readonly connection: ChannelModel; readonly write?: Write }> {
  if (style === 'corked') return connectCorked(url);
  return { connection: await connect(url, style === 'tuned' ? { noDelay: true } : undefined) };
}

function senderOf(style: string, channel: ConfirmChannel, assignment: Assignment, write?: Write): Send {
  const properties = textIn(assignment, 'envelope') === 'full' ? envelope : bare;
  const queue = textIn(assignment, 'queue');
  const width = numberIn(assignment, 'window');
  if (style === 'each') return (first, count) => awaitEach(channel, queue, properties, first, count);
  if (style === 'batches') return (first, count) => inBatches(channel, queue, properties, width, first, count);
  const window = new Window(channel, queue, width, properties, write);
  return (_first, count) => window.send(count);
}

const bodyOf = (index: number): Buffer => Buffer.from(JSON.stringify(makeOrder(index)));

async function awaitEach(
  channel: ConfirmChannel,
  queue: string,
  properties: () => Options.Publish,
  first: number,
  count: number,
): Promise<void> {
  for (let index = first; index < first + count; index++) {
    await new Promise<void>((resolve, reject) => {
      channel.publish('', queue, bodyOf(index), properties(), (error) => (error ? reject(error as Error) : resolve()));
    });
  }
}

async function inBatches(
  channel: ConfirmChannel,
  queue: string,
  properties: () => Options.Publish,
  size: number,
  first: number,
  count: number,
): Promise<void> {
  for (let index = first; index < first + count;) {
    for (const end = Math.min(index + size, first + count); index < end; index++)
      channel.publish('', queue, bodyOf(index), properties());
    await channel.waitForConfirms();
  }
}
