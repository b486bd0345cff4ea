import { nanos } from '@nats-io/transport-node';
import { AckPolicy, type ConsumerConfig, DeliverPolicy, type StreamConfig } from '@nats-io/jetstream';
import { type Declaration, type SubscriptionDeclaration, WaybillError } from '@waybill/core/driver';
import { hasSchedules, versionNumber } from './capabilities.ts';
import { type Address, addressOf, subscriptionName } from './names.ts';
import type { Settings } from './options.ts';
import { choiceOf } from './subjects.ts';

/** Kept in the description of a queue's stream, where every server version keeps it. */
const descriptions = { none: 'Waybill queue', ordered: 'Waybill queue in order' } as const;
/** Until a receiver asks for another lease. */
const firstAckWaitMs = 30_000;

/** The stream of a queue, a topic or a stream. Throws `invalid` or `unsupported` for what no server of this version makes. */
export function streamOf(
  declaration: Exclude<Declaration, SubscriptionDeclaration>,
  version: string,
  settings: Settings,
): { readonly address: Address; readonly config: Partial<StreamConfig> & { readonly name: string } } {
  const address = addressOf(declaration);
  const { stream: name, subject, options } = address;
  const { replicas = settings.replicas, storage = 'file', config: more } = options;
  const common = { name, num_replicas: replicas, storage, ...windowOf(declaration, settings) };
  switch (declaration.kind) {
    case 'queue': {
      const schedules = schedulesOf(declaration, address, version);
      const description = declaration.order === 'none' ? descriptions.none : descriptions.ordered;
      const subjects = [subject, ...(schedules.allow_msg_schedules ? [`${address.later}.>`] : [])];
      return { address, config: { ...common, retention: 'workqueue', subjects, description, ...schedules, ...more } };
    }
    case 'topic':
      return { address, config: { ...common, ...keepingOf(version), subjects: [subject, `${subject}.>`], ...more } };
    case 'stream':
      if (declaration.partitions !== undefined && declaration.partitions > 1)
        throw new WaybillError(
          'unsupported',
          `The stream "${declaration.name}" wants ${declaration.partitions} partitions; a stream of JetStream has one`,
        );
      return {
        address,
        config: { ...common, retention: 'limits', subjects: [subject], ...ageOf(declaration), ...more },
      };
  }
}

/**
 * Until every subscription has had it. A server before 2.10 that shuts down confirms what comes meanwhile and drops it,
 * because its consumers are gone already: there messages stay for a week instead.
 */
const keepingOf = (version: string): Partial<StreamConfig> =>
  versionNumber(version) >= 2010 ? { retention: 'interest' } : { retention: 'limits', max_age: nanos(7 * 86_400_000) };

const ageOf = ({ retentionMs }: { readonly retentionMs?: number }): Partial<StreamConfig> =>
  retentionMs === undefined ? {} : { max_age: nanos(Math.max(100, retentionMs)) };

/** No longer than the messages themselves: the server refuses that. */
function windowOf(declaration: Declaration, { duplicateWindowMs }: Settings): Partial<StreamConfig> {
  const retentionMs = declaration.kind === 'stream' ? declaration.retentionMs : undefined;
  return { duplicate_window: nanos(Math.min(duplicateWindowMs, Math.max(100, retentionMs ?? Infinity))) };
}

/**
 * A stream with a limit refuses what is above it, or it would drop its oldest messages; the server knows no stream that
 * refuses and has schedules. Schedules are allowed wherever they can be, so that a later word for `delay` changes nothing.
 */
function schedulesOf(
  { delay }: { readonly delay: boolean },
  { name, options: { config = {} } }: Address,
  version: string,
): Partial<StreamConfig> {
  const isLimited = ['max_msgs', 'max_bytes', 'max_msgs_per_subject'].some((limit) => Number(config[limit] ?? -1) > 0);
  const newer = versionNumber(version) >= 2011 ? { allow_msg_ttl: true } : {};
  if (!isLimited) return { ...newer, ...(hasSchedules(version) && { allow_msg_schedules: true }) };
  if (delay && hasSchedules(version))
    throw new WaybillError('unsupported', `"${name}" has a limit and wants delay; a JetStream stream cannot have both`);
  return { ...newer, discard: 'new' };
}

/** The durable consumer of a subscription. */
export function subscriptionOf(
  declaration: SubscriptionDeclaration,
  version: string,
): { readonly topic: Address; readonly config: Partial<ConsumerConfig> & { readonly durable_name: string } } {
  const { topic: name, native, filter } = declaration;
  const topic = addressOf({ kind: 'topic', name, native });
  const { subjects } = choiceOf(topic.subject, filter?.pattern, versionNumber(version) >= 2010);
  return {
    topic,
    config: {
      durable_name: subscriptionName(declaration.name),
      ...lasting,
      deliver_policy: DeliverPolicy.New,
      ...filterOf(subjects),
    },
  };
}

/** Explicit acknowledgement, however often and however many at a time: core counts both. */
const lasting = {
  ack_policy: AckPolicy.Explicit,
  ack_wait: nanos(firstAckWaitMs),
  max_deliver: -1,
  max_ack_pending: -1,
} as const satisfies Partial<ConsumerConfig>;

/** What delivers the messages of a place, and nothing of what waits for its time there. */
export const consumerOf = (leaseMs: number, subjects: readonly string[]): Partial<ConsumerConfig> => ({
  ...lasting,
  ack_wait: nanos(leaseMs),
  ...filterOf(subjects),
});

export function filterOf(subjects: readonly string[]): Partial<ConsumerConfig> {
  const [first, ...others] = subjects;
  if (first === undefined) return {};
  return others.length === 0 ? { filter_subject: first } : { filter_subjects: [...subjects] };
}
