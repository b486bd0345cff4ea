import { type ConsumerConfig, JetStreamApiError, type StreamConfig } from '@nats-io/jetstream';
import type { Declaration, Mismatch, SubscriptionDeclaration } from '@waybill/core/driver';
import { streamOf, subscriptionOf } from './blueprint.ts';
import type { Connection } from './connection.ts';
import { classify } from './errors.ts';

type Difference = Omit<Mismatch, 'declaration'>;
type Mode = 'create' | 'verify';

/** Makes or checks everything. What exists is never changed: a server before 2.10 would ignore half of it without a word. */
export async function declareAll(
  connection: Connection,
  declarations: readonly Declaration[],
  mode: Mode,
): Promise<readonly Mismatch[]> {
  const found: Mismatch[] = [];
  for (const declaration of declarations) {
    const difference =
      declaration.kind === 'subscription'
        ? await declareSubscription(connection, declaration, mode)
        : await declareStream(connection, declaration, mode);
    if (difference !== undefined) found.push({ declaration, ...difference });
  }
  return found;
}

async function declareStream(
  { manager, version, settings }: Connection,
  declaration: Exclude<Declaration, SubscriptionDeclaration>,
  mode: Mode,
): Promise<Difference | undefined> {
  const { config } = streamOf(declaration, version, settings);
  const isEnough = declaration.kind === 'queue' && declaration.ifMissing === true;
  const look = () => manager.streams.info(config.name);
  const found = await (mode === 'verify' ? existing(look) : made(() => manager.streams.add(config), look));
  if (found === undefined) return { property: 'existence', wanted: `stream ${config.name}`, found: 'nothing' };
  return isEnough ? undefined : differenceOf(config, found.config);
}

/** What is asked for as it is there already is no error to JetStream; what differs is. */
async function made<T>(make: () => Promise<T>, look: () => Promise<T>): Promise<T> {
  try {
    return await make();
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === nameInUse) return look();
    throw error;
  }
}

const nameInUse = 10_058;

async function declareSubscription(
  { manager, version }: Connection,
  declaration: SubscriptionDeclaration,
  mode: Mode,
): Promise<Difference | undefined> {
  const { topic, config } = subscriptionOf(declaration, version);
  const found = await existing(() => manager.consumers.info(topic.stream, config.durable_name));
  if (found !== undefined) return filterDifference(config, found.config);
  if (mode === 'verify') return { property: 'existence', wanted: `consumer ${config.durable_name}`, found: 'nothing' };
  const made = await manager.consumers.add(topic.stream, config);
  return filterDifference(config, made.config);
}

/** What is there, or nothing. */
export async function existing<T>(look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch (error) {
    if (classify(error) === 'not-found') return undefined;
    throw error;
  }
}

/** How much a place keeps besides, and how long it knows send ids, is up to who made it. */
const overlooked: readonly string[] = ['name', 'duplicate_window', 'allow_msg_ttl'];

function differenceOf(wanted: Partial<StreamConfig>, found: StreamConfig): Difference | undefined {
  const settings: Readonly<Record<string, unknown>> = { ...found };
  for (const [property, value] of Object.entries(wanted)) {
    if (overlooked.includes(property)) continue;
    // A stream of somebody else's says nothing about order.
    if (property === 'description' && !found.description?.startsWith('Waybill queue')) continue;
    if (JSON.stringify(settings[property]) !== JSON.stringify(value))
      return { property, wanted: shown(value), found: shown(settings[property]) };
  }
  return undefined;
}

const shown = (value: unknown): string =>
  value === undefined ? 'nothing' : typeof value === 'string' ? value : JSON.stringify(value);

function filterDifference(wanted: Partial<ConsumerConfig>, found: ConsumerConfig): Difference | undefined {
  const [asked, is] = [subjectsOf(wanted), subjectsOf(found)];
  return asked === is ? undefined : { property: 'filter', wanted: asked, found: is };
}

const subjectsOf = ({ filter_subject: one, filter_subjects: several }: Partial<ConsumerConfig>): string =>
  (several ?? (one ? [one] : [])).toSorted().join(', ') || 'everything';
