import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { checkFields, isObject, isPlain, suggestion } from '../check.ts';
import type { Adapter, Driver } from '../driver/link.ts';
import { invalid, WaybillError } from '../error/error.ts';

/** One broker: its URL, or a driver made in code. */
export type Broker = string | Driver;
/** Several brokers: `default` carries what no route names. */
export interface Routed {
  readonly default: Broker;
  readonly routes?: Readonly<Record<string, Broker>>;
}
/** A URL (`amqp://…`, `memory:`, or `file:` of a configuration), a driver, or several of them. */
export type Where = Broker | URL | Routed;

/** Which package speaks which scheme. A scheme is added with its adapter. */
const packages: Readonly<Record<string, string>> = {
  memory: '@waybill/in-memory',
  amqp: '@waybill/adapter-rabbitmq',
  amqps: '@waybill/adapter-rabbitmq',
  kafka: '@waybill/adapter-kafka',
  'kafka+tls': '@waybill/adapter-kafka',
  nats: '@waybill/adapter-nats',
  'nats+tls': '@waybill/adapter-nats',
  redis: '@waybill/adapter-redis-streams',
  rediss: '@waybill/adapter-redis-streams',
};

export interface Drivers {
  readonly fallback: Driver;
  readonly routes: Readonly<Record<string, Driver>>;
}

/** Finds the drivers; connects to nothing. The same URL twice is one driver, hence one connection. */
export async function driversOf(where: Where, destinations: readonly string[]): Promise<Drivers> {
  const routed = await routedOf(where);
  const made = new Map<string, Driver>();
  const make = async (broker: unknown): Promise<Driver> => {
    if (typeof broker !== 'string') return checkDriver(broker);
    const driver = made.get(broker) ?? (await driverFor(broker));
    made.set(broker, driver);
    return driver;
  };
  checkRoutes(routed, destinations);
  const fallback = await make(routed.default);
  const routes: Record<string, Driver> = {};
  for (const [name, broker] of Object.entries(routed.routes ?? {})) routes[name] = await make(broker);
  return { fallback, routes };
}

async function routedOf(where: Where): Promise<Routed> {
  if (where instanceof URL) return routedOf(where.href);
  if (typeof where === 'string') return where.startsWith('file:') ? readConfiguration(where) : { default: where };
  if (isPlain(where) && 'default' in where) return where as unknown as Routed;
  return { default: where as Driver };
}

/** `{ "default": "amqp://…", "routes": { "clicks": "kafka://…" } }` */
async function readConfiguration(url: string): Promise<Routed> {
  // Few need it, and loading it costs more than core itself.
  const { readFile } = await import('node:fs/promises');
  try {
    const configuration: unknown = JSON.parse(await readFile(new URL(url), 'utf8'));
    if (isPlain(configuration) && 'default' in configuration) return configuration as unknown as Routed;
  } catch (cause) {
    throw invalid(`the configuration ${url} cannot be read: ${String(cause)}`, { cause });
  }
  throw invalid(`the configuration ${url} must be { "default": <url>, "routes": { <destination>: <url> } }`);
}

function checkRoutes(routed: Routed, destinations: readonly string[]): void {
  checkFields('connect', routed, {
    default: () => undefined,
    routes: (routes) => (isPlain(routes) ? undefined : 'must be an object of URLs or drivers by destination'),
  });
  const unknown = Object.keys(routed.routes ?? {}).find((name) => !destinations.includes(name));
  if (unknown !== undefined)
    throw invalid(
      `connect: there is a route for "${unknown}", but no destination of that name${suggestion(unknown, destinations)}`,
    );
}

function checkDriver(driver: unknown): Driver {
  if (isObject(driver) && driver['spec'] === 1 && typeof driver['connect'] === 'function')
    return driver as unknown as Driver;
  throw invalid(
    'connect takes a URL like "amqp://localhost" or "memory:", a driver like rabbitmq({ … }), or { default, routes }',
  );
}

/**
 * The driver that a URL stands for; connects to nothing. Rejects `invalid` for a URL or scheme that nobody speaks, and
 * `not-found`, with the command that installs it, where the adapter is missing.
 */
export async function driverFor(url: string): Promise<Driver> {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase();
  if (scheme === undefined)
    throw invalid(
      `connect: ${JSON.stringify(withoutSecrets(url))} is no URL; it begins with a scheme, like amqp://localhost or memory:`,
    );
  const name = Object.hasOwn(packages, scheme) ? packages[scheme] : undefined;
  if (name === undefined)
    throw invalid(`connect: no adapter speaks "${scheme}:"${suggestion(scheme, Object.keys(packages))}`);
  return (await load(name)).fromUrl(url);
}

/** From the application's own dependencies: first beside Waybill, then from where the application runs. */
async function load(name: string): Promise<Adapter> {
  const from = [
    import.meta.url,
    process.argv[1] && pathToFileURL(process.argv[1]).href,
    pathToFileURL(join(process.cwd(), 'package.json')).href,
  ];
  for (const base of from) {
    const path = base ? resolve(name, base) : undefined;
    if (path !== undefined) return ((await import(pathToFileURL(path).href)) as { readonly adapter: Adapter }).adapter;
  }
  throw new WaybillError('not-found', `connect: the adapter ${name} is not installed; run: npm install ${name}`);
}
function resolve(name: string, base: string): string | undefined {
  try {
    return createRequire(base).resolve(name);
  } catch {
    return undefined;
  }
}

const withoutSecrets = (url: string): string => url.replace(/\/\/[^@/]*@/, '//***@');
