import type { API, Connection } from '@platformatic/kafka';
import type { BrokerConnection } from '../../library.ts';
import type { Cluster } from '../../protocol/cluster.ts';
import { answered } from '../connection.ts';

/** Requests that no other library carries, so that they have no name among those of all. */
export const askOn = <A extends unknown[], R>(connection: BrokerConnection, api: API<A, R>, ...args: A): Promise<R> =>
  answered(api.async(connection.native as Connection, ...args));

export const askAt = async <A extends unknown[], R>(
  cluster: Cluster,
  node: number,
  api: API<A, R>,
  ...args: A
): Promise<R> => askOn(await cluster.connection(node), api, ...args);
