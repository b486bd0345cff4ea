import type { DebianRecipe } from '../install/recipe.ts';
import type { Product } from '../product.ts';
import { probeRabbitmq } from './probe.ts';

/** The newest line, and an old one that lacks most of what the newest has natively. */
export const rabbitmqLines = ['4.3', '3.10'] as const;
export type RabbitmqLine = (typeof rabbitmqLines)[number];

export const rabbitmqProduct: Product<RabbitmqLine> = {
  name: 'RabbitMQ',
  lines: rabbitmqLines,
  urlVariables: { '4.3': 'WAYBILL_RABBITMQ_URL', '3.10': 'WAYBILL_RABBITMQ_310_URL' },
  schemes: ['amqp:', 'amqps:'],
  exampleUrl: 'amqp://user:password@host:port',
  recipe: rabbitmqRecipe,
  probe: (url) => probeRabbitmq(url),
};

const suites = { '4.3': 'forky', '3.10': 'bookworm' } as const satisfies Record<RabbitmqLine, string>;

function rabbitmqRecipe(line: RabbitmqLine): DebianRecipe {
  return {
    from: 'debian',
    server: 'rabbitmq',
    line,
    megabytes: 100,
    suite: suites[line],
    mainPackage: 'rabbitmq-server',
    packages: ['rabbitmq-server'],
    patch: {
      programs: [
        'usr/lib/erlang/erts-*/bin/{beam.smp,epmd,erlexec,erl_child_setup,inet_gethost,escript}',
        'usr/lib/erlang/bin/escript',
        'usr/lib/erlang/lib/os_mon-*/priv/bin/{memsup,cpu_sup}',
      ],
      scripts: [
        { pattern: 'usr/lib/erlang/bin/erl', prefix: 'ROOTDIR=', path: 'usr/lib/erlang' },
        { pattern: 'usr/lib/erlang/erts-*/bin/erl', prefix: 'ROOTDIR=', path: 'usr/lib/erlang' },
      ],
    },
    revision: 1,
  };
}
