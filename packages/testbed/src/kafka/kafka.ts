import type { CommonOptions } from '../product.ts';
import type { Proxy } from '../proxy/proxy.ts';
import type { Cluster, Credentials, Server, ServerTls } from '../server.ts';
import type { KafkaLine } from './lines.ts';

export interface KafkaOptions extends CommonOptions<KafkaLine> {
  /**
   * Who may connect at `url`, `tls.url` and through ways, by SASL PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512. Name and
   * password of letters, digits and `_.~-`. Default: everybody may.
   */
  readonly user?: Credentials;
  /** How many ways through proxies can be open at a time (see `openWay`). Default: 0. */
  readonly ways?: number;
  /** Further settings, as in `server.properties`, for example `{ 'message.max.bytes': '65536' }`. */
  readonly configuration?: Readonly<Record<string, string>>;
}

/** A way to a broker, or to every broker of a cluster, on which there is a proxy before each. */
export interface KafkaWay extends AsyncDisposable {
  /** Names the proxies. */
  readonly url: string;
  /** One before each broker, in the order of the nodes. */
  readonly proxies: readonly Proxy[];
  /** Closes the proxies and frees the way. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Kafka's own command line tools, by the name of their script. */
export type KafkaTool =
  | 'kafka-topics.sh'
  | 'kafka-configs.sh'
  | 'kafka-consumer-groups.sh'
  | 'kafka-share-groups.sh'
  | 'kafka-console-share-consumer.sh'
  | 'kafka-groups.sh'
  | 'kafka-get-offsets.sh'
  | 'kafka-transactions.sh';

/** A process of Kafka: a broker that is a controller too. */
export interface KafkaBroker extends Server<KafkaLine> {
  /** Present when started with `tls: true`. */
  readonly tls: ServerTls | undefined;
  /** Runs one of Kafka's tools on it (one to three seconds) and returns what it prints. */
  control(tool: KafkaTool, ...toolArguments: readonly string[]): Promise<string>;
}

interface WithWays {
  /**
   * A way through proxies of its own. Brokers tell clients their addresses, so a proxy that they do not know of is
   * left out after the first request: each way has a listener whose address is the proxy. Rejects when as many are
   * open as `ways` allows.
   */
  openWay(): Promise<KafkaWay>;
}

/** A live Kafka of one broker. */
export interface Kafka extends KafkaBroker, WithWays {}

/** Three brokers; topics have three replicas, of which two must be in sync. */
export interface KafkaCluster extends Cluster<KafkaBroker>, WithWays {}
