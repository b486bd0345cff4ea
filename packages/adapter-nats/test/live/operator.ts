import { nkeys } from '@nats-io/transport-node';

type Keys = ReturnType<typeof nkeys.createUser>;
type Claims = Readonly<Record<string, unknown>>;

/** An operator with one account that has JetStream, as `nsc` would make them: for `configuration`, and users' files. */
export interface Operator {
  readonly configuration: Readonly<Record<string, unknown>>;
  /** The text of a `.creds` file of a new user of that account, or of one that the server has never heard of. */
  userFile(user?: { readonly claims?: Claims; readonly account?: 'ours' | 'unknown'; readonly seed?: string }): string;
}

const unlimited = { subs: -1, data: -1, payload: -1 };

export function newOperator(): Operator {
  const [operator, account, unknown, system] = [
    nkeys.createOperator(),
    nkeys.createAccount(),
    nkeys.createAccount(),
    nkeys.createAccount(),
  ];
  const accountOf = (keys: Keys, limits: Claims): string =>
    signed(operator, keys, {
      nats: {
        limits: { ...unlimited, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1, ...limits },
        type: 'account',
        version: 2,
      },
    });
  return {
    configuration: {
      operator: signed(operator, operator, { nats: { type: 'operator', version: 2 } }),
      system_account: system.getPublicKey(),
      resolver: 'MEMORY',
      resolver_preload: {
        [account.getPublicKey()]: accountOf(account, { mem_storage: -1, disk_storage: -1 }),
        [system.getPublicKey()]: accountOf(system, {}),
      },
    },
    userFile({ claims = {}, account: whose = 'ours', seed } = {}) {
      const user = nkeys.createUser();
      const nats = { pub: {}, sub: {}, ...unlimited, type: 'user', version: 2 };
      const jwt = signed(whose === 'ours' ? account : unknown, user, { nats, ...claims });
      return fileOf(jwt, seed ?? seedOf(user));
    },
  };
}

export const seedOf = (keys: Keys): string => Buffer.from(keys.getSeed()).toString();

/** A JWT of NATS: ed25519, under the issuer's key. */
function signed(issuer: Keys, subject: Keys, claims: Claims): string {
  const head = { typ: 'JWT', alg: 'ed25519-nkey' };
  const common = { iat: Math.floor(Date.now() / 1000), iss: issuer.getPublicKey(), sub: subject.getPublicKey() };
  const text = [head, { jti: subject.getPublicKey(), name: 'waybill', ...common, ...claims }]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  return `${text}.${Buffer.from(issuer.sign(Buffer.from(text))).toString('base64url')}`;
}

const fileOf = (jwt: string, seed: string): string =>
  [
    '-----BEGIN NATS USER JWT-----',
    jwt,
    '------END NATS USER JWT------',
    '',
    '************************* IMPORTANT *************************',
    'NKEY Seed printed below can be used to sign and prove identity.',
    '',
    '-----BEGIN USER NKEY SEED-----',
    seed,
    '------END USER NKEY SEED------',
  ].join('\n');
