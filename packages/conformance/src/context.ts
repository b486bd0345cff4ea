import type { Bus, BusEvent, BusOptions, Destinations, Driver } from '@waybill/core';
import type { Capabilities, Link } from '@waybill/core/driver';
import type { Control } from './case.ts';
import type { Child, ChildOptions } from './child/parent.ts';
import type { Expect } from './expect.ts';
import type { Claim, HistoryWriter, Verdict } from './history/index.ts';
import type { Inbox, InboxOptions, Job } from './inbox.ts';
import type { Random } from './random.ts';
import type { Result } from './result.ts';
import type { BrokerControl, FaultProxy, Profile, Security, Timing } from './target.ts';
import type { Traffic } from './watch.ts';

/** All that a case gets. What it opens here is closed, and what it declares is removed, when it ends. */
export interface Context {
  readonly id: string;
  readonly profile: Profile;
  /** What the target offers of it; a case about a part that is absent ends with `notRun`. */
  readonly security: Security;
  readonly timing: Timing;
  /** Of this server, as the link reports them. */
  readonly capabilities: Capabilities;
  readonly expect: Expect;
  readonly random: Random;
  /** Aborts when the case's time is over. */
  readonly signal: AbortSignal;
  /** What went through all of this case's drivers so far. */
  readonly traffic: Traffic;
  /** What every bus of this case reported, oldest first. */
  readonly events: readonly BusEvent[];
  /** Of the cases that ran before; all others for a case that runs at the end. */
  readonly results: ReadonlyMap<string, Result>;

  /** Unique in the world: `wbc-<run>-q01-jobs`. Destinations with such names are removed afterwards. */
  readonly name: (part?: string) => string;
  /** A bus on the driver under test, as often as needed. */
  readonly connect: <T extends Destinations>(
    destinations: T,
    options?: BusOptions & { readonly driver?: Driver },
  ) => Promise<Bus<T>>;
  /** A driver of its own, counted in `traffic`. */
  readonly driver: () => Promise<Driver>;
  /** For checks below the bus. */
  readonly link: () => Promise<Link>;

  /** Jobs with ids that nobody else uses. */
  readonly jobs: (count: number, part?: string) => Job[];
  readonly inbox: <T = Job>(options?: InboxOptions<T>) => Inbox<T>;
  /** Counts messages that arrived elsewhere: at a reader, in a child process, at a bare receiver. */
  readonly saw: (count: number) => void;

  /** Waits for something that must happen; fails after `withinMs`. @default `timing.positiveMs` */
  readonly until: (what: string, condition: () => unknown, withinMs?: number) => Promise<void>;
  /**
   * Watches for something that must not happen. It cannot prove that it never will, so it is short, and a case should
   * prefer a fence: send a marker afterwards and wait for that. @default `timing.quietMs`
   */
  readonly quiet: (ms?: number) => Promise<void>;
  /** Part of the certificate: a measured fact that supports the verdict. */
  readonly evidence: (name: string, value: string | number | boolean) => void;
  /** Ends the case without a verdict: `unknown`. */
  readonly inconclusive: (reason: string) => never;
  /** Ends the case because the harness lacks something: `not-run`. */
  readonly notRun: (reason: string) => never;
  /** Ends the case because this broker does not have what it asks about: `not-applicable`. */
  readonly notApplicable: (reason: string) => never;
  /** Runs when the case ends, last one first, whatever its outcome. A failure fails the case. */
  readonly defer: (what: string, undo: () => unknown) => void;

  /** Opens this process's history of the case; `judge` closes it. */
  readonly history: () => CaseHistory;

  /** For a case that can do more where a control is there. */
  readonly has: (control: Control) => boolean;
  /** Only in cases that require them. What is broken here is mended when the case ends. */
  readonly broker: Required<BrokerControl>;
  readonly proxy: () => Promise<CaseProxy>;
  /** Runs a program of `src/child/programs` (or a URL of one) against the same broker. */
  readonly child: (program: string | URL, options?: ChildOptions) => Promise<Child>;
}

/** Busses through it: `connect(destinations, { driver: await proxy.driver() })`. */
export interface CaseProxy extends FaultProxy {
  driver(): Promise<Driver>;
}

export interface CaseHistory {
  readonly writer: HistoryWriter;
  /** For children: they write their own files here. */
  readonly directory: string;
  readonly run: string;
  /** Fails the case where the history breaks the claim, with the shortest witness; `unknown` where it proves nothing. */
  readonly judge: (claim: Claim) => Verdict;
}
