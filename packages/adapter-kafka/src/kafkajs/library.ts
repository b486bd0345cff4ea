import type { Library } from '../library.ts';
import { checkCompression } from './compression.ts';
import { KafkaJsBrokerConnection } from './connection.ts';
import { needed } from './exchange.ts';

/** kafkajs: its connections and its encoding of requests, and nothing of what it does by itself. */
export const library: Library = {
  needed,
  open(settings, host, patienceMs) {
    checkCompression(settings.compression);
    return KafkaJsBrokerConnection.open(settings, host, patienceMs);
  },
};
