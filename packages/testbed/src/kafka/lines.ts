import type { MavenRecipe } from '../install/recipe.ts';
import type { Product } from '../product.ts';
import { probeKafka } from './probe.ts';

/** The newest line whose artifacts are complete in Maven Central. */
export const kafkaLines = ['4.3'] as const;
export type KafkaLine = (typeof kafkaLines)[number];

export const kafkaProduct: Product<KafkaLine> = {
  name: 'Kafka',
  lines: kafkaLines,
  urlVariables: { '4.3': 'WAYBILL_KAFKA_URL' },
  schemes: ['kafka:', 'kafka+tls:'],
  exampleUrl: 'kafka://user:password@host:port,host:port',
  recipe: kafkaRecipe,
  probe: (url) => probeKafka(url),
};

const versions = { '4.3': '4.3.0' } as const satisfies Record<KafkaLine, string>;

function kafkaRecipe(line: KafkaLine): MavenRecipe {
  const version = versions[line];
  return {
    from: 'maven',
    server: 'kafka',
    line,
    version,
    artifacts: [
      `org.apache.kafka:kafka_2.13:${version}`,
      `org.apache.kafka:kafka-tools:${version}`,
      // Kafka logs nothing without a logger of one's choice.
      'org.slf4j:slf4j-simple:1.7.36',
    ],
    megabytes: 60,
    revision: 1,
  };
}
