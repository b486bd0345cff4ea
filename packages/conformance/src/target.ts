import type { Driver } from '@waybill/core';
import type { Link } from '@waybill/core/driver';

/**
 * Faults of the broker. Each resolves, with evidence, when the fault has been confirmed: the process is gone, the
 * port refuses, nothing answers. A control that is absent makes the cases that need it `not-run`.
 */
export interface BrokerControl {
  /** SIGKILL. */
  readonly kill?: () => Promise<string>;
  /** Graceful end. */
  readonly stop?: () => Promise<string>;
  /** After `kill` or `stop`, on the same data; resolves when the broker answers in its protocol. */
  readonly start?: () => Promise<string>;
  /** SIGSTOP: connections stay open, nothing is answered. */
  readonly pause?: () => Promise<string>;
  readonly resume?: () => Promise<string>;
  /** The broker, or something between, cuts every connection; new ones are accepted. */
  readonly disconnect?: () => Promise<string>;
  /** The broker stops reading what is published. */
  readonly block?: () => Promise<string>;
  readonly unblock?: () => Promise<string>;
}

export type ProxyWay = 'toServer' | 'toClient' | 'both';
export type ProxyFault =
  | { readonly kind: 'delay'; readonly ms: number }
  /** Kept: arrives after `heal`. */
  | { readonly kind: 'stall' }
  /** Lost. */
  | { readonly kind: 'drop' }
  | { readonly kind: 'limit'; readonly bytesPerSecond: number }
  | { readonly kind: 'slice'; readonly bytes: number }
  | { readonly kind: 'truncate'; readonly afterBytes: number; readonly by?: 'end' | 'reset' }
  /** RST, once. */
  | { readonly kind: 'reset' }
  /** FIN, once. */
  | { readonly kind: 'end' }
  /** New connections are refused until `heal`. */
  | { readonly kind: 'refuse' };

/** A TCP proxy between one driver and the broker. */
export interface FaultProxy extends AsyncDisposable {
  /** A driver that reaches the broker through this proxy only. */
  driver(): Driver | Promise<Driver>;
  inject(fault: ProxyFault, way?: ProxyWay): Promise<void>;
  heal(): Promise<void>;
  /** 0 bytes mean that the client went past the proxy: then nothing was proven. */
  readonly bytes: Readonly<Record<'toServer' | 'toClient', { readonly received: number; readonly forwarded: number }>>;
  readonly liveConnections: number;
}

/** Other ways into the same broker, and what must not get out. Cases about a part that is absent are `not-run`. */
export interface Security {
  /** Passwords and tokens: no error, event or certificate may hold one. */
  readonly secrets?: readonly string[];
  /** With credentials that the broker refuses. */
  readonly wrongPassword?: () => Driver | Promise<Driver>;
  /** With TLS, and the authority that signed the broker's certificate. */
  readonly trusted?: () => Driver | Promise<Driver>;
  /** With TLS, and no authority that knows the broker's certificate. */
  readonly unknownAuthority?: () => Driver | Promise<Driver>;
  /** With TLS, and a name that the broker's certificate does not hold. */
  readonly wrongName?: () => Driver | Promise<Driver>;
}

/** How long things take here. Milliseconds. */
export interface Timing {
  /** Something that must happen has so long. @default 10 000 */
  readonly positiveMs: number;
  /** Something that must not happen is watched for so long. @default 250 */
  readonly quietMs: number;
  /** How much later than asked a timed thing may come. @default 1500 */
  readonly slackMs: number;
}

/** The broker under test, and what the harness can do to it. */
export interface Target {
  /** `rabbitmq-4.3`. Letters, digits, `.`, `-`. */
  readonly name: string;
  /** A new driver of the same broker at every call: one for each bus. */
  readonly driver: () => Driver | Promise<Driver>;
  /** What other processes pass to `connect`. Absent: cases with child processes are `not-run`. */
  readonly url?: string;
  readonly control?: BrokerControl;
  readonly proxy?: () => Promise<FaultProxy>;
  readonly security?: Security;
  readonly profile: Profile;
  readonly timing?: Partial<Timing>;
  /** What the broker says about its version. @default asked of the native client where the kit knows how */
  readonly version?: (link: Link) => string | undefined;
  /** Called by the command line when the run is over. */
  readonly close?: () => Promise<void>;
  readonly adapter?: { readonly package: string; readonly version: string };
}

/** What this deployment claims; durability belongs to it, not to the adapter. */
export interface Profile {
  /** What confirmed messages survive: nothing, the death of the broker's process, or a power loss. */
  readonly durable: 'none' | 'process' | 'os';
  /** `process`: no other process can reach this broker, so cases with child processes do not apply. @default 'network' */
  readonly reach?: 'process' | 'network';
  /** `never`: the broker has no state in which it stops reading what is published, so cases about one do not apply. */
  readonly blocks?: 'never';
  /** For the reader of a certificate: `single node, fsync on confirm`. */
  readonly note: string;
}

const namePattern = /^[\w.-]+$/;

/**
 * Checks a target. There is no list of features and no `skip`: capabilities are read from the driver.
 *
 * @throws TypeError for what cannot be a target.
 */
export function defineTarget(target: Target): Target {
  if (!namePattern.test(target.name)) {
    throw new TypeError(`target: the name ${JSON.stringify(target.name)} must match ${namePattern}`);
  }
  if (typeof target.driver !== 'function') {
    throw new TypeError(`target ${target.name}: driver must be a function that makes a new driver at every call`);
  }
  const { control = {} } = target;
  for (const [fault, remedy] of remedies) {
    if (control[fault] && !control[remedy]) {
      throw new TypeError(`target ${target.name}: control.${fault} without control.${remedy} leaves the broker broken`);
    }
  }
  return target;
}

const remedies = [
  ['kill', 'start'],
  ['stop', 'start'],
  ['pause', 'resume'],
  ['block', 'unblock'],
] as const satisfies readonly (readonly [keyof BrokerControl, keyof BrokerControl])[];
