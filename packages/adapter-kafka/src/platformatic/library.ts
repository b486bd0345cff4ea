import type { Library } from '../library.ts';
import { PlatformaticConnection } from './connection.ts';
import { needed } from './requests.ts';
import { sharesOf } from './share/wire.ts';

/** @platformatic/kafka: its connections and its encoding of requests, and nothing of what it does by itself. */
export const library: Library = {
  needed,
  open: (settings, host, patienceMs) => PlatformaticConnection.open(settings, host, patienceMs),
  shares: sharesOf,
};
