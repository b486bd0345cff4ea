import type { Library } from '../library.ts';
import { KafkaJsBrokerConnection } from './connection.ts';
import { needed } from './requests.ts';

/** kafkajs: its connections and its encoding of requests, and nothing of what it does by itself. */
export const library: Library = { needed, open: KafkaJsBrokerConnection.open };
