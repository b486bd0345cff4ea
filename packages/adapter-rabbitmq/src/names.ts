import { type Source, WaybillError } from '@waybill/core/driver';

/** AMQP carries names as short strings: 255 bytes of UTF-8. */
const longest = 255;

/** The name of an AMQP object; throws `invalid` for one that RabbitMQ would refuse or keeps to itself. */
export function checkedName(kind: string, name: string): string {
  const refuse = (why: string): never => {
    throw new WaybillError('invalid', `The ${kind} name "${name.slice(0, 60)}" cannot be used on RabbitMQ: ${why}`);
  };
  if (name === '') return refuse('it is empty');
  if (name.startsWith('amq.')) return refuse('the prefix "amq." is reserved by the broker; choose another');
  const bytes = Buffer.byteLength(name);
  if (bytes > longest) return refuse(`it has ${bytes} bytes, at most ${longest} are possible`);
  return name;
}

/** The queue behind a durable subscription, and the headers exchange in front of it where it filters. */
export const subscriptionName = (topic: string, subscription: string): string =>
  checkedName('subscription', `${topic}/${subscription}`);

/** The queue behind a source, where it is a lasting one. */
export function queueOf(source: Source): string {
  if (source.kind === 'topic' && source.subscription !== undefined)
    return subscriptionName(source.name, source.subscription);
  if (source.kind === 'queue' || source.kind === 'stream') return checkedName(source.kind, source.name);
  throw new WaybillError('unsupported', 'A subscription without a name has no lasting queue on RabbitMQ');
}
