import { TestbedError } from '../errors.ts';
import type { Credentials } from '../server.ts';
import type { Certificates } from '../tls/certificates.ts';
import { distinct, type Listeners } from './listeners.ts';

export type Properties = Readonly<Record<string, string>>;

export interface BrokerPlan {
  readonly id: number;
  readonly data: string;
  readonly listeners: Listeners;
  /** Of every broker, by its id less one. */
  readonly controllerPorts: readonly number[];
  readonly user: Credentials | undefined;
  readonly tls: { readonly certificates: Certificates; readonly keyStore: string } | undefined;
}

/** `server.properties`. What is acknowledged is in the kernel's hands: it survives the process, not a loss of power. */
export function propertiesOf(plan: BrokerPlan): Properties {
  const voters = plan.controllerPorts.map((port, index) => `${index + 1}@127.0.0.1:${port}`);
  return {
    'process.roles': 'broker,controller',
    'node.id': `${plan.id}`,
    'controller.quorum.voters': voters.join(','),
    'log.dirs': plan.data,
    'auto.create.topics.enable': 'false',
    ...listenerProperties(plan.listeners),
    ...replicaProperties(plan.controllerPorts.length),
    ...(plan.user && loginProperties(plan.listeners, plan.user)),
    ...(plan.tls && tlsProperties(plan.tls)),
    ...smallAndFast,
  };
}

function listenerProperties(listeners: Listeners): Properties {
  const all = distinct(listeners);
  const controller = `CONTROLLER://127.0.0.1:${listeners.controllerPort}`;
  return {
    listeners: [...all.map(({ name, port }) => `${name}://127.0.0.1:${port}`), controller].join(','),
    'advertised.listeners': all
      .map(({ name, advertisedHost, advertisedPort }) => `${name}://${advertisedHost}:${advertisedPort}`)
      .join(','),
    'listener.security.protocol.map': [
      ...all.map(({ name, protocol }) => `${name}:${protocol}`),
      'CONTROLLER:PLAINTEXT',
    ].join(','),
    'inter.broker.listener.name': listeners.internal.name,
    'controller.listener.names': 'CONTROLLER',
  };
}

function replicaProperties(brokers: number): Properties {
  const inSync = brokers > 1 ? brokers - 1 : 1;
  const internal = ['offsets.topic', 'transaction.state.log', 'share.coordinator.state.topic'];
  return {
    'default.replication.factor': `${brokers}`,
    'min.insync.replicas': `${inSync}`,
    ...Object.fromEntries(
      internal.flatMap((topic) => [
        [`${topic}.num.partitions`, '1'],
        [`${topic}.replication.factor`, `${brokers}`],
      ]),
    ),
    'transaction.state.log.min.isr': `${inSync}`,
    'share.coordinator.state.topic.min.isr': `${inSync}`,
  };
}

export const scramMechanisms = ['SCRAM-SHA-256', 'SCRAM-SHA-512'] as const;

function loginProperties(listeners: Listeners, { name, password }: Credentials): Properties {
  if (![name, password].every((text) => /^[\w.~-]+$/.test(text)))
    throw new TestbedError('the name and password of a user of Kafka may hold letters, digits and _.~- only');
  const modules = 'org.apache.kafka.common.security';
  const settings: Properties = {
    'sasl.enabled.mechanisms': ['PLAIN', ...scramMechanisms].join(','),
    'plain.sasl.jaas.config': `${modules}.plain.PlainLoginModule required user_${name}="${password}";`,
    ...Object.fromEntries(
      scramMechanisms.map((mechanism) => [
        `${mechanism.toLowerCase()}.sasl.jaas.config`,
        `${modules}.scram.ScramLoginModule required;`,
      ]),
    ),
  };
  const withLogin = distinct(listeners).filter(({ protocol }) => protocol.startsWith('SASL'));
  return Object.fromEntries(
    withLogin.flatMap((listener) =>
      Object.entries(settings).map(([key, value]) => [`listener.name.${listener.name.toLowerCase()}.${key}`, value]),
    ),
  );
}

function tlsProperties({ certificates, keyStore }: NonNullable<BrokerPlan['tls']>): Properties {
  return {
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': keyStore,
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': certificates.authorityFile,
    'ssl.client.auth': 'none',
  };
}

/** For few cores, little memory, and tests that cannot wait for the defaults, which are made for large clusters. */
const smallAndFast: Properties = {
  'group.initial.rebalance.delay.ms': '0',
  'group.min.session.timeout.ms': '1000',
  'group.consumer.min.session.timeout.ms': '1000',
  'group.consumer.session.timeout.ms': '6000',
  'group.consumer.min.heartbeat.interval.ms': '200',
  'group.consumer.heartbeat.interval.ms': '500',
  'group.share.min.session.timeout.ms': '1000',
  'group.share.min.record.lock.duration.ms': '1000',
  // A broker that was killed is let in again when its last session has run out.
  'broker.session.timeout.ms': '2000',
  'broker.heartbeat.interval.ms': '400',
  'controller.quorum.election.timeout.ms': '500',
  'controller.quorum.fetch.timeout.ms': '1000',
  'log.segment.bytes': '16777216',
  'log.cleaner.dedupe.buffer.size': '2097152',
  'num.network.threads': '2',
  'num.io.threads': '4',
  'background.threads': '2',
};
