import {
  type Codec,
  type DestinationOptions,
  type Kind,
  queue,
  type Received,
  type Schema,
  stream,
  topic,
} from '@waybill/core';
import type { BusOptions, SendOptions } from '@waybill/core';
import type { Driver } from '@waybill/core';
import type { Context } from '../context.ts';
import { atOnce } from './destinations.ts';

/** In at one end and out at the other, of one kind of channel. */
export interface Trip<T> {
  readonly kind: Kind;
  readonly send: (value: T, options?: SendOptions) => Promise<unknown>;
  readonly sendMany: (values: readonly T[], options?: Omit<SendOptions, 'id'>) => Promise<void>;
  /** What came out, oldest first. */
  readonly got: readonly Received<T>[];
  /** Waits for so many, and through a quiet time for more. */
  readonly gets: (count: number) => Promise<readonly Received<T>[]>;
}

export interface TripOptions<T> {
  readonly schema: Schema<T, T>;
  readonly codec?: Codec;
  readonly key?: DestinationOptions<T>['key'];
  readonly part?: string;
  readonly bus?: BusOptions & { readonly driver?: Driver };
}

const kinds = ['queue', 'topic', 'stream'] as const;

/** One trip for every kind that this broker has: what holds for payloads holds for all of them. */
export async function tripsOf<T>(context: Context, options: TripOptions<T>): Promise<readonly Trip<T>[]> {
  const bus = await context.connect({}, options.bus);
  const common = {
    schema: options.schema,
    retry: atOnce,
    ...(options.codec && { codec: options.codec }),
    ...(options.key && { key: options.key }),
  };
  const trips: Trip<T>[] = [];
  for (const kind of kinds.filter((one) => context.capabilities[one] !== 'none')) {
    const name = context.name([kind, ...(options.part === undefined ? [] : [options.part])].join('-'));
    const got: Received<T>[] = [];
    const take = (received: Received<T>): void => {
      context.saw(1);
      got.push(received);
    };
    trips.push({ kind, got, gets: (count) => gets(context, kind, got, count), ...(await wayOf()) });

    async function wayOf(): Promise<Pick<Trip<T>, 'send' | 'sendMany'>> {
      if (kind === 'queue') {
        const it = await bus.attach(queue(name, common));
        await it.consume((_, delivery) => take(delivery));
        return {
          send: (value, sending) => it.send(value, sending),
          sendMany: (values, sending) => it.sendMany(values, sending),
        };
      }
      if (kind === 'topic') {
        const it = await bus.attach(topic(name, common));
        await it.subscribe((_, delivery) => take(delivery));
        return {
          send: (value, sending) => it.publish(value, sending),
          sendMany: (values, sending) => it.publishMany(values, sending),
        };
      }
      const it = await bus.attach(stream(name, common));
      const reader = it.read();
      const reading = (async () => {
        for await (const record of reader) take(record);
      })();
      context.defer('the reader', async () => {
        await reader.close();
        await reading;
      });
      return {
        send: (value, sending) => it.append(value, sending),
        sendMany: (values, sending) => it.appendMany(values, sending),
      };
    }
  }
  return trips;
}

async function gets<T>(
  context: Context,
  kind: Kind,
  got: readonly Received<T>[],
  count: number,
): Promise<readonly Received<T>[]> {
  await context.until(
    `${count} messages out of the ${kind}, which gave ${got.length} when the wait began`,
    () => got.length >= count,
  );
  await context.quiet();
  context.expect.equal(got.length, count, `messages out of the ${kind}`);
  return got;
}

/** Strings that break what escapes, folds, trims, measures or interprets: all are text, so all must come back as they are. */
export const hostileText: readonly string[] = [
  ' leading and trailing ',
  'line\nbreak\r\nand\ttab',
  `"quotes' and \`ticks\``,
  '\\ backslash \\n \\u0041',
  'null',
  'undefined',
  'true',
  '007',
  '1e400',
  '{"a":[1]}',
  '<script>alert(1)</script>&amp;',
  '${jndi:ldap://x} #{1+1} %s %00 $(id)',
  "'; DROP TABLE messages; --",
  'Zażółć gęślą jaźń',
  'أهلا \u202e‮ ‫שלום',
  'e\u0301 is not \u00e9',
  '👩‍👩‍👧‍👦 🏴‍☠️ \u{10ffff}',
  '\ufeffbyte order mark and \u200b nothing',
  '\u0001\u001f\u007f\u0080',
  'x'.repeat(4096),
];
