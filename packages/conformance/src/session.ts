import { randomInt } from 'node:crypto';
import { AssertionError } from 'node:assert';
import type { Driver } from '@waybill/core';
import type { Capabilities } from '@waybill/core/driver';
import { Applicability } from './applies.ts';
import { type Answer, askEverything } from './asked.ts';
import { type Case, runsAlone } from './case.ts';
import { allCases } from './cases/index.ts';
import { certificateOf } from './certificate/assemble.ts';
import type { Certificate } from './certificate/certificate.ts';
import { Janitor } from './cleanup.ts';
import { Lock } from './lock.ts';
import { describe, runCase } from './run-case.ts';
import type { Result } from './result.ts';
import { select, type Selection } from './select.ts';
import { Strays } from './strays.ts';
import type { Target, Timing } from './target.ts';
import { brokerVersion } from './version.ts';
import { within } from './waits.ts';

export interface RunOptions extends Selection {
  /** Repeats the choices of another run. @default random, and in the certificate */
  readonly seed?: number;
  /** Cases at once; those that others would notice run alone anyway. @default 8 */
  readonly concurrency?: number;
  /** Told before and after each case. */
  readonly onProgress?: (progress: Progress) => void;
  /** Other cases than the suite's own, for tests of the kit. */
  readonly cases?: readonly Case[];
}
export type Progress =
  | { readonly type: 'begin'; readonly cases: number }
  | { readonly type: 'start'; readonly case: Case }
  | { readonly type: 'end'; readonly result: Result; readonly done: number; readonly cases: number };

/** What the preflight learnt. */
interface Met {
  readonly driver: Driver;
  readonly capabilities: Capabilities;
  readonly broker: string;
  /** Part of every name that this run uses. */
  readonly run: string;
  readonly answers: readonly Answer[];
}

const defaultTiming: Timing = { positiveMs: 10_000, quietMs: 250, slackMs: 1500 };

/** A suite on one broker: chosen cases, run in any order and asked for by id, then the certificate. */
export class Session {
  readonly cases: readonly Case[];
  readonly capabilities: Capabilities;
  readonly broker: string;
  readonly #target: Target;
  readonly #driver: Driver;
  readonly #options: RunOptions;
  readonly #seed: number;
  readonly #run: string;
  readonly #answers: readonly Answer[];
  readonly #lock: Lock;
  readonly #applicability: Applicability;
  readonly #janitor: Janitor;
  readonly #strays = new Strays();
  readonly #results = new Map<string, Result>();
  readonly #running = new Map<string, Promise<Result>>();
  readonly #startedAt = new Date();

  constructor(target: Target, options: RunOptions, { capabilities, driver, broker, run, answers }: Met) {
    this.cases = select(options.cases ?? allCases(), options);
    this.capabilities = capabilities;
    this.broker = broker;
    this.#driver = driver;
    this.#target = target;
    this.#options = options;
    this.#seed = options.seed ?? randomInt(2 ** 31);
    this.#run = run;
    this.#answers = answers;
    this.#lock = new Lock(options.concurrency ?? 8);
    this.#applicability = new Applicability(target, { capabilities, profile: target.profile }, this.#run);
    this.#janitor = new Janitor(target.driver);
    options.onProgress?.({ type: 'begin', cases: this.cases.length });
  }

  get results(): ReadonlyMap<string, Result> {
    return this.#results;
  }

  /** What runs alone comes last: it would keep the others from running beside each other. */
  get inOrder(): readonly Case[] {
    return [...this.cases].sort((one, other) => Number(runsAlone(one)) - Number(runsAlone(other)));
  }

  /** Whether it would run; otherwise what its state is without running. */
  preview(one: Case): ReturnType<Applicability['of']> {
    return this.#applicability.of(one);
  }

  /** Runs it, once. Cases for the end wait for all others of the session. */
  result(one: Case): Promise<Result> {
    const running = this.#running.get(one.id) ?? this.#start(one);
    this.#running.set(one.id, running);
    return running;
  }

  async all(): Promise<void> {
    await Promise.all(this.inOrder.map((one) => this.result(one)));
  }

  certificate(): Certificate {
    return certificateOf({
      target: this.#target,
      driver: this.#driver,
      capabilities: this.capabilities,
      broker: this.broker,
      answers: this.#answers,
      seed: this.#seed,
      profile: this.#options.profile ?? 'full',
      chosen: chosenIn(this.#options),
      startedAt: this.#startedAt,
      results: this.cases.flatMap(({ id }) => this.#results.get(id) ?? []),
    });
  }

  async close(): Promise<void> {
    this.#strays.close();
    await this.#janitor.close();
  }

  async #start(one: Case): Promise<Result> {
    if (one.when === 'end')
      await Promise.all(this.cases.filter(({ when }) => when !== 'end').map((other) => this.result(other)));
    const result = await this.#lock.hold(runsAlone(one), () => this.#perform(one));
    this.#results.set(one.id, result);
    this.#options.onProgress?.({ type: 'end', result, done: this.#results.size, cases: this.cases.length });
    return result;
  }

  async #perform(one: Case): Promise<Result> {
    this.#options.onProgress?.({ type: 'start', case: one });
    const startedAt = performance.now();
    const other = await this.#applicability.of(one);
    if (!other) return this.#strays.during((stray) => runCase(this.#setting(), one, this.#janitor, stray));
    const durationMs = Math.round(performance.now() - startedAt);
    const isRefused = other.state === 'refused';
    return {
      ...describe(one),
      ...other,
      durationMs,
      assertions: isRefused ? 1 : 0,
      traffic: { connects: 0, sent: 0, received: 0 },
      evidence: {},
    };
  }

  #setting() {
    const { timing, ...rest } = this.#target;
    return {
      target: rest,
      run: this.#run,
      seed: this.#seed,
      timing: { ...defaultTiming, ...timing },
      capabilities: this.capabilities,
      results: this.#results,
    };
  }
}

function chosenIn({ only, group }: RunOptions): readonly string[] | undefined {
  const chosen = [...(only ?? []), ...(group ?? [])];
  return chosen.length > 0 ? chosen : undefined;
}

const preflightMs = 15_000;

/**
 * Asks the broker who it is, and prepares the cases. Rejects where it cannot be reached: then there is nothing to
 * certify.
 */
export async function openSession(target: Target, options: RunOptions = {}): Promise<Session> {
  const driver = await target.driver();
  const link = await within(
    `connecting to ${target.name}`,
    driver.connect({ signal: AbortSignal.timeout(preflightMs), onBlocked: () => undefined }),
    preflightMs,
  ).catch((cause: unknown) => {
    if (cause instanceof AssertionError) throw cause;
    throw new Error(
      `${target.name} cannot be reached, so no case ran: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  });
  try {
    const run = `${Date.now().toString(36)}${randomInt(36 ** 3).toString(36)}`;
    const answers = await askEverything(target, run);
    return new Session(target, options, {
      driver,
      capabilities: link.capabilities,
      broker: brokerVersion(target, link),
      run,
      answers,
    });
  } finally {
    await within(`closing the first connection to ${target.name}`, link.close(), preflightMs);
  }
}
