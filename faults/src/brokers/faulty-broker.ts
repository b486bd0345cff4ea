import type { Claim } from '@waybill/conformance/history';
import type { Driver } from '@waybill/core';
import type { Proxy, Server } from '@waybill/testbed';
import type { Place } from '../load/destinations.ts';

/** What a run needs to know of one kind of broker. There is one file for each. */
export interface FaultyBroker {
  /** As in the report. */
  readonly title: string;
  /** Bytes that any client may begin with and that a server which lives answers. Empty: it speaks first. */
  readonly greeting: Uint8Array;
  /** What it carries at least, as the application asks for it. What else it does not refuse is part of the run too. */
  readonly places: readonly Place[];
  /** Present where a run can be of three nodes: everything goes on this long after the loss of one. Milliseconds. */
  readonly goesOnWithinMs?: number;
  /** Destinations are this old before the first fault, in milliseconds. */
  readonly agedMs: number;
  /** A client notices within this time that its server is silent. Milliseconds. */
  readonly noticeWithinMs: (heartbeatMs: number) => number;
  /** What becomes of a process that stands still for longer than that: others know its connection to be gone, or have what it held. */
  readonly standstill: 'its connection ends' | 'its deliveries go to others';
  /** Consumers are live this long after the port is open. Milliseconds. */
  readonly recoverWithinMs: number;
  /** Between two looks at what is left: longer than its figures may be old, and than a retry may wait. Milliseconds. */
  readonly quietMs: number;
  /** Whether an acceptance is known to have arrived. */
  readonly acceptance: 'sent' | 'confirmed';
  /** Whether it stores one copy however often a message is sent. */
  readonly dedup: boolean;
  /** Where the promise of a place has another form here. */
  readonly claims: Partial<Readonly<Record<Place, Partial<Claim>>>>;
  readonly driver: (settings: DriverSettings) => Driver;
  readonly start: (settings: ServerSettings) => Promise<FaultyServer>;
}

interface DriverSettings extends Pick<Way, 'url' | 'ports'> {
  /** How soon a silent server is noticed. */
  readonly heartbeatMs: number;
  /** Of the process, for the server's own lists. */
  readonly name: string;
}

export interface ServerSettings {
  readonly line: string;
  /** Three nodes instead of one. */
  readonly isCluster: boolean;
  /** Each of these processes has proxies of its own. */
  readonly members: readonly string[];
  readonly say: (line: string) => void;
}

/** A server, or several that are one broker, with everything that a run does to it. */
export interface FaultyServer extends AsyncDisposable {
  /** Version, nodes, durability: for the report. */
  readonly description: string;
  /** Past all proxies. */
  readonly url: string;
  readonly nodes: readonly ServerNode[];
  /** For one member. */
  way(): Promise<Way>;
  /** Resolves when every node has everything again, so that another one may be lost. Clusters only. */
  readonly whole?: () => Promise<void>;
  /** What is stored and not yet done, dead letters not. Absent: as the adapter tells it. */
  readonly depth?: () => Promise<number>;
}

/** One process of a broker. */
export type ServerNode = Pick<Server, 'pid' | 'exited' | 'port' | 'kill' | 'restart' | 'pause' | 'resume'>;

/** How one process of the load reaches the broker: through proxies that nobody else uses, one for each node. */
export interface Way {
  /** Of a cluster: by the first node. */
  readonly url: string;
  readonly proxies: readonly Proxy[];
  /** By the port of a node, that of its proxy. */
  readonly ports: Readonly<Record<string, number>>;
}
