import { type Destination, type Kind, type Needs, queue, stream, topic, type as typed } from '@waybill/core';

/** A destination of any kind, for questions where the kind does not matter. */
export function destinationOf(kind: Kind, name: string, needs: Needs): Destination {
  const options = { schema: typed<unknown>(), needs, ...(needs.order === 'key' && { key: () => 'key' }) } as const;
  switch (kind) {
    case 'queue':
      return queue(name, options as Parameters<typeof queue>[1] & object);
    case 'topic':
      return topic(name, options as Parameters<typeof topic>[1] & object);
    case 'stream':
      return stream(name, options as Parameters<typeof stream>[1] & object);
  }
}
