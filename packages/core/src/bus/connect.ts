import type { Destination } from '../destination/destination.ts';
import { isObject, isPlain } from '../check.ts';
import { checkIsDestination } from '../destination/check.ts';
import { invalid } from '../error/error.ts';
import type { Carried } from '../plan/check.ts';
import type { Bus, Destinations } from './bus.ts';
import { controls, handleOf, reservedNames } from './controls.ts';
import { Carrier } from './carrier.ts';
import { checkBusOptions } from './checks.ts';
import type { BusOptions } from './options.ts';
import { driversOf, type Where } from './where.ts';

type DriverOf<W, Name> = W extends { readonly default: infer D }
  ? W extends { readonly routes: infer R }
    ? Name extends keyof R
      ? R[Name]
      : D
    : D
  : W;
/** Each destination as it is, or a sentence saying why its driver cannot carry it. */
type Checked<W, T> = { readonly [Name in keyof T]: Carried<DriverOf<W, Name>, T[Name]> };

/**
 * Binds destinations to a broker, or to several by route. Checks every need first: what cannot be met rejects with one
 * report before anything is sent or created. Then connects, declares, and resolves when messages can flow. From there on
 * it reconnects by itself. Rejects `unsupported`, `mismatch`, `denied`, `invalid`, `not-found`, or `unavailable` when no
 * connection came within `connectTimeoutMs`.
 */
export async function connect<const W extends Where, T extends Destinations>(
  where: W,
  destinations: T & Checked<W, T>,
  options: BusOptions = {},
): Promise<Bus<T>> {
  checkBusOptions(options);
  checkDestinations(destinations);
  const entries = Object.entries<Destination>(destinations);
  const { fallback, routes } = await driversOf(where, Object.keys(destinations));
  const driverOf = (name: string): typeof fallback => (Object.hasOwn(routes, name) ? routes[name]! : fallback);
  const carriers = new Map(
    [...new Set(entries.length === 0 ? [fallback] : entries.map(([name]) => driverOf(name)))].map((driver) => [
      driver,
      new Carrier(
        driver,
        entries.filter(([name]) => driverOf(name) === driver).map(([, one]) => one),
        options,
      ),
    ]),
  );
  const carrierOf = (name: string): Carrier => {
    const carrier = Object.hasOwn(destinations, name) ? carriers.get(driverOf(name)) : undefined;
    if (!carrier)
      throw invalid(
        `there is no destination "${name}" on this bus; there are: ${Object.keys(destinations).join(', ')}`,
      );
    return carrier;
  };
  await allReady([...carriers.values()]);
  const handles = entries.map(([name, one]) => [name, handleOf(carrierOf(name), one)]);
  return Object.defineProperties(
    Object.fromEntries(handles),
    Object.getOwnPropertyDescriptors(controls([...carriers.values()], carrierOf)),
  ) as Bus<T>;
}

/** All or none: one broker that cannot be had closes the others. */
async function allReady(carriers: readonly Carrier[]): Promise<void> {
  try {
    await Promise.all(carriers.map((carrier) => carrier.ready()));
  } catch (error) {
    await Promise.all(carriers.map((carrier) => carrier.close()));
    throw error;
  }
}

function checkDestinations(destinations: unknown): void {
  if (isObject(destinations) && 'kind' in destinations && 'needs' in destinations)
    throw invalid('connect takes its destinations by name: connect(url, { orders })');
  if (!isPlain(destinations)) throw invalid('connect takes its destinations as an object: connect(url, { orders })');
  for (const [name, one] of Object.entries(destinations)) {
    if (reservedNames.includes(name))
      throw invalid(
        `connect: a destination cannot be called "${name}", which is a word of the bus itself; give it another property name`,
      );
    checkIsDestination(`connect: ${name}`, one);
  }
  const twice = Object.values(destinations).find(
    (one, index, all) => all.findIndex((other) => nameOf(other) === nameOf(one)) !== index,
  );
  if (twice !== undefined)
    throw invalid(`connect: two destinations are called ${nameOf(twice)}; one name is one place`);
}
const nameOf = (destination: unknown): string =>
  `${(destination as Destination).kind} ${(destination as Destination).name}`;
