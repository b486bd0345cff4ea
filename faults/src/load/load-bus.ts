import { type Bus, type BusControls, type BusOptions, connect, type Driver } from '@waybill/core';
import { type destinations as all, destinations, type Place } from './destinations.ts';

type Handles = Pick<Bus<typeof all>, Place>;

/** The application's bus, with the destinations that its broker carries. */
export interface LoadBus extends BusControls, Partial<Handles> {
  readonly places: readonly Place[];
}

export async function openLoadBus(
  broker: string | Driver,
  places: readonly Place[],
  options: BusOptions = {},
): Promise<LoadBus> {
  const { work, keyed, news, log } = destinations;
  const bus = await connect(
    broker,
    {
      ...(places.includes('work') && { work }),
      ...(places.includes('keyed') && { keyed }),
      ...(places.includes('news') && { news }),
      ...(places.includes('log') && { log }),
    },
    options,
  );
  return Object.assign(bus, { places });
}
