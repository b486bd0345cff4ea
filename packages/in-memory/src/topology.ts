import {
  type Admin,
  type Declaration,
  type Depth,
  type Filter,
  type Mismatch,
  type Source,
  type StreamDeclaration,
  WaybillError,
} from '@waybill/core/driver';
import type { Queue } from './queue.ts';
import type { Stream } from './stream.ts';
import type { Store } from './store.ts';

/** Makes what is missing (`create`), and reports what exists but differs, or does not exist and may not be made. */
export function declareAll(
  store: Store,
  declarations: readonly Declaration[],
  mode: 'create' | 'verify',
): readonly Mismatch[] {
  return declarations.flatMap((declaration) => {
    const found = propertiesFound(store, declaration);
    if (found) return isRightAsItIs(declaration) ? [] : differences(declaration, propertiesWanted(declaration), found);
    if (mode === 'verify') return [{ declaration, property: 'existence', wanted: 'present', found: 'absent' }];
    create(store, declaration);
    return [];
  });
}

const isRightAsItIs = (declaration: Declaration): boolean =>
  declaration.kind === 'queue' && declaration.ifMissing === true;

type Properties = Readonly<Record<string, string>>;

function differences(declaration: Declaration, wanted: Properties, found: Properties): Mismatch[] {
  return Object.entries(wanted).flatMap(([property, value]) => {
    const there = found[property] ?? 'none';
    return there === value ? [] : [{ declaration, property, wanted: value, found: there }];
  });
}

/** Delay and expiry are not among them: every queue here keeps both. */
function propertiesWanted(declaration: Declaration): Properties {
  switch (declaration.kind) {
    case 'queue':
      return describeQueue(declaration);
    case 'topic':
      return {};
    case 'subscription':
      return describeSubscription(declaration, declaration.filter);
    case 'stream':
      return wantedOfStream(declaration);
  }
}

function propertiesFound(store: Store, declaration: Declaration): Properties | undefined {
  switch (declaration.kind) {
    case 'queue': {
      const queue = store.queues.get(declaration.name);
      return queue && describeQueue(queue.settings);
    }
    case 'topic':
      return store.topics.has(declaration.name) ? {} : undefined;
    case 'subscription': {
      const found = store.topics.get(declaration.topic)?.subscriptions.get(declaration.name);
      return found && describeSubscription(found.queue.settings, found.filter);
    }
    case 'stream':
      return describeStream(store.streams.get(declaration.name));
  }
}

/** What a declaration leaves open is as it is. Total order is only in a single partition. */
function wantedOfStream({ order, partitions, retentionMs }: StreamDeclaration): Properties {
  const wanted = order === 'total' ? 1 : partitions;
  return {
    ...(wanted !== undefined && { partitions: String(wanted) }),
    ...(retentionMs !== undefined && { retentionMs: String(retentionMs) }),
  };
}

const describeStream = (stream: Stream | undefined): Properties | undefined =>
  stream && { partitions: String(stream.settings.partitions), retentionMs: String(stream.settings.retentionMs) };

interface LineProperties {
  readonly order: string;
  readonly deadLetter?: string | undefined;
}
const describeQueue = ({
  order,
  priority,
  deadLetter = 'none',
}: LineProperties & { readonly priority: boolean }): Properties => ({
  order,
  priority: String(priority),
  deadLetter,
});
const describeSubscription = (
  { order, deadLetter = 'none' }: LineProperties,
  filter: Filter | undefined,
): Properties => ({
  order,
  deadLetter,
  filter: describeFilter(filter),
});

function describeFilter({ pattern, headers }: Filter = {}): string {
  const parts = Object.entries(headers ?? {})
    .toSorted(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`);
  return [...(pattern === undefined ? [] : [pattern]), ...parts].join(' ') || 'none';
}

function create(store: Store, declaration: Declaration): void {
  switch (declaration.kind) {
    case 'queue': {
      const { name, order, priority, deadLetter } = declaration;
      store.makeQueue(name, { order, priority, deadLetter });
      return;
    }
    case 'topic':
      store.makeTopic(declaration.name, declaration.order);
      return;
    case 'subscription':
      store.topic(declaration.topic).subscribe(declaration);
      return;
    case 'stream':
      createStream(store, declaration);
      return;
  }
}

function createStream(store: Store, { name, order, partitions, retentionMs = Infinity }: StreamDeclaration): void {
  if (order === 'total' && partitions !== undefined && partitions > 1) {
    throw new WaybillError(
      'invalid',
      `memory: stream "${name}" cannot keep total order in ${partitions} partitions; give it one, or order "key"`,
      { broker: 'memory', destination: name },
    );
  }
  store.makeStream(name, {
    partitions: order === 'total' ? 1 : (partitions ?? store.settings.partitions),
    retentionMs,
  });
}

/** `answer` runs a call when the broker gets round to it. */
export function administrationOf(store: Store, answer: <T>(call: () => T) => Promise<T>): Admin {
  return {
    depth: (source) => answer(() => depthOf(store, source)),
    purge: (source) => answer(() => purge(store, source)),
    remove: (declaration) => answer(() => remove(store, declaration)),
  };
}

function depthOf(store: Store, source: Source): Depth {
  if (source.kind === 'stream') return { ready: store.stream(source.name).lag(source.group, source.from) };
  const queues = store.linesOf(source);
  const sum = (count: (queue: Queue) => number): number => queues.reduce((total, queue) => total + count(queue), 0);
  return {
    ready: sum((queue) => queue.ready),
    inFlight: sum((queue) => queue.inFlight),
    delayed: sum((queue) => queue.delayed),
  };
}

function purge(store: Store, source: Source): void {
  if (source.kind === 'stream') return store.stream(source.name).purge(source.group);
  for (const queue of store.linesOf(source)) queue.purge();
}

/** What is not there is gone already. Consumers of it end with `not-found`. */
function remove(store: Store, declaration: Declaration): void {
  switch (declaration.kind) {
    case 'queue':
      return store.removeQueue(declaration.name);
    case 'topic':
      return store.removeTopic(declaration.name);
    case 'subscription':
      return store.topics.get(declaration.topic)?.unsubscribe(declaration.name);
    case 'stream':
      return store.removeStream(declaration.name);
  }
}
