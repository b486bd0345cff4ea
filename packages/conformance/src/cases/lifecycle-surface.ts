import type { Bus, BusOptions, Driver } from '@waybill/core';
import type { Context } from '../context.ts';
import { jobQueue, jobStream, jobTopic } from './destinations.ts';

type Method = (...given: readonly unknown[]) => unknown;

/** One thing that users call methods of. */
interface Surface {
  /** `queue`, `topic`, `stream` or `bus`. */
  readonly name: string;
  readonly methods: Readonly<Record<string, Method>>;
}

export interface OpenSurface {
  readonly bus: Bus<{}>;
  readonly surfaces: readonly Surface[];
}

/** The bus and one handle of each kind that this broker has, with every method that they really have. */
export async function openSurface(
  context: Context,
  options?: BusOptions & { readonly driver?: Driver },
): Promise<OpenSurface> {
  const bus = await context.connect({}, options);
  const surfaces: Surface[] = [surfaceOf('bus', bus)];
  const { queue, topic, stream } = context.capabilities;
  if (queue !== 'none') surfaces.push(surfaceOf('queue', await bus.attach(jobQueue(context))));
  if (topic !== 'none') surfaces.push(surfaceOf('topic', await bus.attach(jobTopic(context))));
  if (stream !== 'none') surfaces.push(surfaceOf('stream', await bus.attach(jobStream(context))));
  return { bus, surfaces };
}

/** Read from the object, not from a list: a method that nobody thought of is a method that no case calls. */
function surfaceOf(name: string, thing: object): Surface {
  const names = Reflect.ownKeys(thing).filter((key) => typeof key === 'string');
  const methods = names.flatMap((key): (readonly [string, Method])[] => {
    const member: unknown = Object.getOwnPropertyDescriptor(thing, key)?.value;
    return typeof member === 'function' ? [[key, (...given) => Reflect.apply(member, thing, given) as unknown]] : [];
  });
  return { name, methods: Object.fromEntries(methods) };
}
