import type { DebianRecipe } from '../install/install.ts';

/** The newest line, and an old one that lacks most of what the newest has natively. */
export const rabbitmqLines = ['4.3', '3.10'] as const;
export type RabbitmqLine = (typeof rabbitmqLines)[number];

/** A server at this URL is used instead of one of our own. */
export const urlVariables = {
  '4.3': 'WAYBILL_RABBITMQ_URL',
  '3.10': 'WAYBILL_RABBITMQ_310_URL',
} as const satisfies Record<RabbitmqLine, string>;

const suites = { '4.3': 'forky', '3.10': 'bookworm' } as const satisfies Record<RabbitmqLine, string>;

export function rabbitmqRecipe(line: RabbitmqLine): DebianRecipe {
  return {
    server: 'rabbitmq',
    line,
    suite: suites[line],
    mainPackage: 'rabbitmq-server',
    // openssl makes the certificates of the TLS listener; a machine need not have it.
    packages: ['rabbitmq-server', 'openssl'],
    patch: {
      programs: [
        'usr/lib/erlang/erts-*/bin/{beam.smp,epmd,erlexec,erl_child_setup,inet_gethost,escript}',
        'usr/lib/erlang/bin/escript',
        'usr/lib/erlang/lib/os_mon-*/priv/bin/{memsup,cpu_sup}',
        'usr/bin/openssl',
      ],
      scripts: [
        { pattern: 'usr/lib/erlang/bin/erl', prefix: 'ROOTDIR=', path: 'usr/lib/erlang' },
        { pattern: 'usr/lib/erlang/erts-*/bin/erl', prefix: 'ROOTDIR=', path: 'usr/lib/erlang' },
      ],
    },
    revision: 1,
  };
}
