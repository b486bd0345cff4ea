import { type Admin, type Declaration, type Depth, type Source, WaybillError } from '@waybill/core/driver';
import {
  durableField,
  group,
  type Keys,
  metaKey,
  partitionKeys,
  queueKeys,
  refuseReply,
  type StreamKeys,
  streamKeys,
  subscriptionKeys,
  topicKey,
} from './names.ts';
import type { Nodes } from './nodes.ts';
import { purge } from './queue-scripts.ts';
import { readLayout } from './streams.ts';

/** Entries removed at a time: the server does nothing else meanwhile. */
const purgeStep = 1_000;

export function adminOf(nodes: Nodes, prefix: string): Admin {
  return {
    async depth(source: Source): Promise<Depth> {
      if (source.kind === 'stream') return { ready: await lengthOf(nodes, streamKeys(prefix, source), source.name) };
      const { stream, side } = settledKeys(prefix, source);
      const connection = await nodes.for(stream);
      // In one turn of the server, so that the three fit together.
      const [entries, [inFlight], delayed] = (await Promise.all([
        connection.call('XLEN', stream),
        connection.call('XPENDING', stream, group),
        connection.call('ZCARD', `${side}:later`),
      ])) as [number, [number], number];
      return { ready: Math.max(0, entries - inFlight), inFlight, delayed };
    },
    /** What is held by a consumer stays its own. */
    async purge(source: Source): Promise<void> {
      if (source.kind === 'stream')
        throw new WaybillError('unsupported', `The stream "${source.name}" is not purged; set a retention`);
      const { stream, side } = settledKeys(prefix, source);
      const connection = await nodes.for(stream);
      while ((await connection.run(purge, [stream, side], [group, purgeStep])) === purgeStep);
    },
    async remove(declaration: Declaration): Promise<void> {
      const call = async (command: string, key: string, ...args: readonly string[]): Promise<unknown> =>
        (await nodes.for(key)).call(command, key, ...args);
      // First the topic forgets it, or publishing would miss it.
      if (declaration.kind === 'subscription')
        await call('HDEL', topicKey(prefix, declaration.topic), durableField(declaration.name));
      const keys = await keysToRemove(nodes, prefix, declaration);
      await Promise.all(keys.map((key) => call('UNLINK', key)));
    },
  };
}

const withSides = ({ stream, side }: Keys): readonly string[] => [
  stream,
  `${side}:later`,
  `${side}:waiting`,
  metaKey({ side }),
  `${side}:missing`,
  `${side}:owner`,
];

/** A queue, or a subscription that lasts. */
export function settledKeys(prefix: string, source: Source): Keys {
  if (source.kind === 'queue') return queueKeys(prefix, source);
  if (source.kind !== 'topic') return refuseReply(source);
  if (source.subscription === undefined)
    throw new WaybillError('unsupported', 'A subscription without a name lives and ends with its receiver');
  return subscriptionKeys(topicKey(prefix, source.name), durableField(source.subscription));
}

async function lengthOf(nodes: Nodes, keys: StreamKeys, name: string): Promise<number> {
  const layout = await readLayout(nodes, keys);
  if (layout === undefined) throw new WaybillError('not-found', `The stream "${name}" does not exist`);
  const lengths = Array.from({ length: layout.partitions }, async (_, at) => {
    const { stream } = partitionKeys(keys, layout.partitions, at);
    return Number(await (await nodes.for(stream)).call('XLEN', stream));
  });
  return (await Promise.all(lengths)).reduce((sum, one) => sum + one, 0);
}

async function keysToRemove(nodes: Nodes, prefix: string, declaration: Declaration): Promise<readonly string[]> {
  switch (declaration.kind) {
    case 'queue':
      return withSides(queueKeys(prefix, declaration));
    case 'subscription':
      return withSides(subscriptionKeys(topicKey(prefix, declaration.topic), durableField(declaration.name)));
    case 'topic':
      return [topicKey(prefix, declaration.name)];
    case 'stream': {
      const keys = streamKeys(prefix, declaration);
      const partitions = (await readLayout(nodes, keys))?.partitions ?? 1;
      const parts = Array.from({ length: partitions }, (_, at) => partitionKeys(keys, partitions, at));
      return [keys, ...parts].flatMap(withSides);
    }
  }
}
