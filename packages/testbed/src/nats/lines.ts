import { withoutServices, type DebianRecipe } from '../install/recipe.ts';
import type { Product } from '../product.ts';
import { probeNats } from './probe.ts';

/** The newest line, and an old one without times of life for messages, schedules and batches. */
export const natsLines = ['2.15', '2.9'] as const;
export type NatsLine = (typeof natsLines)[number];

export const natsProduct: Product<NatsLine> = {
  name: 'NATS',
  lines: natsLines,
  urlVariables: { '2.15': 'WAYBILL_NATS_URL', '2.9': 'WAYBILL_NATS_29_URL' },
  schemes: ['nats:', 'nats+tls:'],
  exampleUrl: 'nats://user:password@host:port',
  recipe: natsRecipe,
  probe: (url) => probeNats(url),
};

const suites = { '2.15': 'forky', '2.9': 'bookworm' } as const satisfies Record<NatsLine, string>;

export const natsProgram = 'usr/sbin/nats-server';

function natsRecipe(line: NatsLine): DebianRecipe {
  return {
    from: 'debian',
    server: 'nats',
    line,
    suite: suites[line],
    mainPackage: 'nats-server',
    packages: ['nats-server'],
    without: withoutServices,
    patch: { programs: [natsProgram], scripts: [] },
    megabytes: 15,
    revision: 1,
  };
}
