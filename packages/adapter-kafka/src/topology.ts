import type { Declaration, Mismatch, SubscriptionDeclaration } from '@waybill/core/driver';
import { subscriptionGroup, topicOf } from './names.ts';
import { placeOptionsOf } from './native.ts';
import type { Settings } from './options.ts';
import { partitionsOf, placeGroup } from './placing.ts';
import type { TopicSpec, Wire } from './wire.ts';

type Difference = Omit<Mismatch, 'declaration'>;
type TopicDeclaration = Exclude<Declaration, SubscriptionDeclaration>;

/** What was asked for of a topic; only that is compared with what is there. */
interface Asked {
  readonly partitions: number | undefined;
  readonly replicationFactor: number | undefined;
  readonly config: Readonly<Record<string, string>>;
}

/** Topics first and together, then the groups of durable subscriptions. */
export async function declareAll(
  wire: Wire,
  settings: Settings,
  declarations: readonly Declaration[],
  mode: 'create' | 'verify',
): Promise<readonly Mismatch[]> {
  const topics = declarations.filter((one): one is TopicDeclaration => one.kind !== 'subscription');
  const wanted = topics.map((declaration) => ({ declaration, asked: askedOf(declaration) }));
  const there = await wire.topics.describe(topics.map(topicOf));
  const missing = wanted.filter(({ declaration }) => !there.has(topicOf(declaration)));
  if (mode === 'create')
    await wire.topics.create(missing.map(({ declaration, asked }) => specOf(declaration, asked, settings)));
  const found: Mismatch[] = [];
  for (const { declaration, asked } of wanted) {
    const spec = there.get(topicOf(declaration));
    const differences =
      spec === undefined
        ? mode === 'create'
          ? []
          : [absent(`topic ${topicOf(declaration)}`)]
        : differencesOf(declaration, asked, spec);
    found.push(...differences.map((difference) => ({ declaration, ...difference })));
  }
  for (const declaration of declarations) {
    if (declaration.kind !== 'subscription') continue;
    const difference = await subscribe(wire, declaration, mode);
    if (difference !== undefined) found.push({ declaration, ...difference });
  }
  return found;
}

const absent = (wanted: string): Difference => ({ property: 'existence', wanted, found: 'nothing' });

function askedOf(declaration: TopicDeclaration): Asked {
  const { partitions, replicationFactor, config } = placeOptionsOf(declaration);
  const many = partitions ?? (declaration.kind === 'stream' ? declaration.partitions : undefined);
  const retention = declaration.kind === 'stream' ? declaration.retentionMs : undefined;
  return {
    partitions: many,
    replicationFactor,
    config: { ...(retention !== undefined && { 'retention.ms': String(retention) }), ...config },
  };
}

/** Kafka's week of retention is for logs: what waits in a queue stays until it is handled. */
const kept = { 'retention.ms': '-1' };

function specOf(declaration: TopicDeclaration, asked: Asked, settings: Settings): TopicSpec {
  const isBeside = declaration.kind === 'queue' && declaration.ifMissing === true;
  return {
    name: topicOf(declaration),
    partitions: asked.partitions ?? (isBeside ? 1 : settings.partitions),
    replicationFactor: asked.replicationFactor ?? settings.replicationFactor,
    config: { ...(declaration.kind === 'queue' && kept), ...asked.config },
  };
}

function differencesOf(declaration: TopicDeclaration, asked: Asked, found: TopicSpec): readonly Difference[] {
  if (declaration.kind === 'queue' && declaration.ifMissing) return [];
  const pairs: (readonly [property: string, wanted: string | undefined, found: string])[] = [
    ['partitions', asked.partitions?.toString(), String(found.partitions)],
    ['replicationFactor', asked.replicationFactor?.toString(), String(found.replicationFactor)],
    ...Object.entries(asked.config).map(([name, value]) => [name, value, found.config[name] ?? 'nothing'] as const),
  ];
  return pairs.flatMap(([property, wanted, is]) =>
    wanted === undefined || wanted === is ? [] : [{ property, wanted, found: is }],
  );
}

/** A subscription is a group that stands somewhere: from now on, when it is made. */
async function subscribe(
  wire: Wire,
  declaration: SubscriptionDeclaration,
  mode: 'create' | 'verify',
): Promise<Difference | undefined> {
  const topic = topicOf({ ...declaration, kind: 'topic', name: declaration.topic });
  const group = subscriptionGroup(topic, declaration.name);
  if (mode === 'create') {
    await placeGroup(wire, group, topic, 'latest');
    return undefined;
  }
  const standing = await wire.committed(group, topic, await partitionsOf(wire, topic));
  return standing.size > 0 ? undefined : absent(`the group ${group} on topic ${topic}`);
}
