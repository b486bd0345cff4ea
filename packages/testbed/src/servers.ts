import type { Progress, Recipe } from './install/recipe.ts';
import type { Product } from './product.ts';
import { kafkaProduct } from './kafka/lines.ts';
import { startKafka } from './kafka/start.ts';
import { natsProduct } from './nats/lines.ts';
import { startNats } from './nats/start.ts';
import { rabbitmqProduct, type RabbitmqLine } from './rabbitmq/lines.ts';
import { startRabbitmq } from './rabbitmq/start.ts';
import { redisProduct } from './redis/lines.ts';
import { startRedis } from './redis/start.ts';
import type { Server } from './server.ts';

/** A server that runs and is of use to a person at a terminal. */
export interface RunningServer extends Pick<Server, 'url' | 'version' | 'exited' | 'log' | typeof Symbol.asyncDispose> {
  /** Further places worth knowing, by what they are. */
  readonly places?: Readonly<Record<string, string>>;
}

/** What the command line needs to know about a kind of server. */
export interface ServerKind {
  /** The first one is the default. */
  readonly lines: readonly string[];
  readonly urlVariable: (line: string) => string;
  readonly recipe: (line: string) => Recipe;
  readonly start: (line: string, progress: Progress) => Promise<RunningServer>;
}

/** A further kind is one more entry. */
export const servers: Readonly<Record<string, ServerKind>> = {
  rabbitmq: kind(rabbitmqProduct, startRabbitmqForPeople),
  redis: kind(redisProduct, (line, onProgress) => startRedis({ line, name: `by-hand-redis-${line}`, onProgress })),
  nats: kind(natsProduct, (line, onProgress) => startNats({ line, name: `by-hand-nats-${line}`, onProgress })),
  kafka: kind(kafkaProduct, (line, onProgress) => startKafka({ line, name: `by-hand-kafka-${line}`, onProgress })),
};

function kind<Line extends string>(
  { lines, urlVariables, recipe }: Product<Line>,
  start: (line: Line, progress: Progress) => Promise<RunningServer>,
): ServerKind {
  return {
    lines,
    urlVariable: (line) => urlVariables[line as Line],
    recipe: (line) => recipe(line as Line),
    start: async (line, progress) => start(line as Line, progress),
  };
}

async function startRabbitmqForPeople(line: RabbitmqLine, onProgress: Progress): Promise<RunningServer> {
  const management = process.env[rabbitmqProduct.urlVariables[line]] === undefined;
  const broker = await startRabbitmq({ line, name: `by-hand-rabbitmq-${line}`, management, onProgress });
  const { url, version, exited, log, managementUrl } = broker;
  return {
    ...{ url, version, exited, log },
    ...(managementUrl && { places: { 'management page (guest, guest)': managementUrl } }),
    [Symbol.asyncDispose]: async () => broker[Symbol.asyncDispose](),
  };
}
