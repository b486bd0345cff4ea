import {
  type Declaration,
  type Mismatch,
  type Place,
  type QueueDeclaration,
  type StreamDeclaration,
  WaybillError,
} from '@waybill/core/driver';
import type { Argument } from './connection.ts';
import {
  durableField,
  group,
  type Keys,
  metaKey,
  partitionKeys,
  queueKeys,
  streamKeys,
  subscriptionKeys,
  topicKey,
} from './names.ts';
import { placeOptionsOf } from './native.ts';
import type { Nodes } from './nodes.ts';
import { createGroup } from './queue-scripts.ts';
import { readLayout } from './streams.ts';

type Difference = Omit<Mismatch, 'declaration'>;
/** One of these for each kind: makes what is missing, and says what differs. */
interface Surveyor {
  readonly nodes: Nodes;
  readonly prefix: string;
  readonly isCreating: boolean;
}

/** Makes or checks everything, one after another: what is pointed at comes first. */
export async function declareAll(
  nodes: Nodes,
  prefix: string,
  declarations: readonly Declaration[],
  mode: 'create' | 'verify',
): Promise<readonly Mismatch[]> {
  const surveyor = { nodes, prefix, isCreating: mode === 'create' };
  const found: Mismatch[] = [];
  for (const declaration of declarations) {
    const difference = await declare(surveyor, declaration);
    if (difference !== undefined) found.push({ declaration, ...difference });
  }
  return found;
}

async function declare(surveyor: Surveyor, declaration: Declaration): Promise<Difference | undefined> {
  const { nodes, prefix } = surveyor;
  placeOptionsOf(declaration);
  switch (declaration.kind) {
    case 'queue':
      return declareQueue(surveyor, declaration);
    case 'topic':
      return declareTopic(surveyor, declaration.name);
    case 'subscription': {
      const topic = topicKey(prefix, declaration.topic);
      const field = durableField(declaration.name);
      const keys = subscriptionKeys(topic, field);
      const missing = await declareGroup(surveyor, keys);
      if (missing !== undefined) return missing;
      if (surveyor.isCreating) await on(nodes, topic, 'HSET', field, '');
      return declareOrder(surveyor, keys, declaration.order);
    }
    case 'stream':
      return declareStream(surveyor, declaration);
  }
}

async function declareQueue(surveyor: Surveyor, declaration: QueueDeclaration): Promise<Difference | undefined> {
  const { nodes, prefix, isCreating } = surveyor;
  const keys = queueKeys(prefix, declaration);
  const missing = await declareGroup(surveyor, keys);
  if (missing !== undefined) return missing;
  if (isCreating && declaration.deadLetter !== undefined && !nodes.server.isCluster) {
    const dead = queueKeys(prefix, { name: declaration.deadLetter }).stream;
    await on(nodes, metaKey(keys), 'HSET', 'deadLetter', dead, 'name', declaration.name);
  }
  return declaration.ifMissing ? undefined : declareOrder(surveyor, keys, declaration.order);
}

/** Consumers that share a place and one that owns it must not meet. */
async function declareOrder(
  { nodes, isCreating }: Surveyor,
  keys: Keys,
  order: Place['order'],
): Promise<Difference | undefined> {
  const wanted = order === 'none' ? 'none' : 'ordered';
  if (isCreating) await on(nodes, metaKey(keys), 'HSETNX', 'order', wanted);
  const found = String(((await on(nodes, metaKey(keys), 'HGET', 'order')) as Buffer | null) ?? 'none');
  return found === wanted ? undefined : { property: 'order', wanted, found };
}

const on = async (nodes: Nodes, key: string, command: string, ...args: readonly Argument[]): Promise<unknown> =>
  (await nodes.for(key)).call(command, key, ...args);

const nothing = (wanted: string): Difference => ({ property: 'existence', wanted, found: 'nothing' });
const wrongType = (wanted: string, error: unknown): Difference | undefined =>
  error instanceof Error && error.message.startsWith('WRONGTYPE')
    ? { property: 'type', wanted, found: 'a key of another type' }
    : undefined;

/** From the beginning of the stream, so that nothing sent before is missed. */
async function declareGroup({ nodes, isCreating }: Surveyor, { stream }: Keys): Promise<Difference | undefined> {
  const connection = await nodes.for(stream);
  try {
    if (isCreating) {
      await connection.run(createGroup, [stream], [group]);
      return undefined;
    }
    const groups = (await connection.call('XINFO', 'GROUPS', stream)) as readonly (readonly unknown[])[];
    return groups.some(([, name]) => String(name) === group) ? undefined : nothing(`group ${group} on ${stream}`);
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('BUSYGROUP')) return undefined;
    if (error instanceof Error && error.message.includes('no such key')) return nothing(`stream ${stream}`);
    const difference = wrongType(`stream ${stream}`, error);
    if (difference === undefined) throw error;
    return difference;
  }
}

async function declareTopic({ nodes, prefix, isCreating }: Surveyor, name: string): Promise<Difference | undefined> {
  const key = topicKey(prefix, name);
  try {
    if (isCreating) await on(nodes, key, 'HSET', 'topic', '');
    return (await on(nodes, key, 'HEXISTS', 'topic')) === 1 ? undefined : nothing(`topic ${key}`);
  } catch (error) {
    const difference = wrongType(`hash ${key}`, error);
    if (difference === undefined) throw error;
    return difference;
  }
}

async function declareStream(surveyor: Surveyor, declaration: StreamDeclaration): Promise<Difference | undefined> {
  const { nodes, prefix, isCreating } = surveyor;
  const keys = streamKeys(prefix, declaration);
  if (declaration.order === 'total' && (declaration.partitions ?? 1) > 1)
    throw new WaybillError(
      'unsupported',
      `The stream "${declaration.name}" wants one order of all records and ${declaration.partitions} partitions; choose one of the two`,
    );
  const wanted = { partitions: declaration.partitions ?? 1, retentionMs: Math.ceil(declaration.retentionMs ?? 0) };
  const found = await readLayout(nodes, keys);
  if (found === undefined) {
    if (!isCreating) return nothing(`stream ${keys.stream}`);
    await on(nodes, metaKey(keys), 'HSET', ...Object.entries(wanted).flat());
    for (let index = 0; index < wanted.partitions; index++)
      await makeEmpty(nodes, partitionKeys(keys, wanted.partitions, index).stream);
    return undefined;
  }
  for (const property of ['partitions', 'retentionMs'] as const)
    if (found[property] !== wanted[property])
      return { property, wanted: String(wanted[property]), found: String(found[property]) };
  return undefined;
}

/** A stream without entries is what is left of a group. */
async function makeEmpty(nodes: Nodes, stream: string): Promise<void> {
  const connection = await nodes.for(stream);
  await connection.call('XGROUP', 'CREATE', stream, group, 0, 'MKSTREAM');
  await connection.call('XGROUP', 'DESTROY', stream, group);
}
