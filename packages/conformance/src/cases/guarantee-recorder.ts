import { type BusEvent, type Delivery, WaybillError } from '@waybill/core';
import type { CaseHistory, Context } from '../context.ts';
import { checksum, type Claim, type SettlementKind, type Verdict } from '../history/index.ts';
import type { Job } from '../inbox.ts';

type Outcome = 'ok' | 'fail' | 'unknown';

/** Writes down what a case does and sees, for the checker to judge. */
export interface Recorder {
  /** Sends it, and records what its sender was told. Never rejects. */
  send(destination: string, job: Job, send: () => Promise<unknown>, key?: string): Promise<Outcome>;
  /** From here on everything published to the destination is owed to the subscription. */
  ready(subscription: string, destination: string): void;
  /** A handler under which each start and end is recorded. */
  handler<T extends Job>(
    subscription: string,
    work?: (job: T, delivery: Delivery<T>) => unknown,
    consumer?: string,
  ): (job: T, delivery: Delivery<T>) => Promise<void>;
  /** One that arrived elsewhere: at a reader, or settled by hand. Returns its delivery id. */
  begin(subscription: string, job: Job, delivery: Arrived, consumer?: string): string;
  end(delivery: string, outcome: 'ok' | 'error'): void;
  settle(delivery: string, kind: SettlementKind, settle: () => Promise<string>): Promise<string>;
  deadLetter(subscription: string, job: Job, reason: 'attempts' | 'rejected', attempts?: number): void;
  ended(subscription: string, consumer?: string): void;
  /** For `connect({ observe })`. */
  readonly observe: (event: BusEvent) => void;
  /** A fault from its beginning to its end, with its evidence. */
  fault(
    kind: string,
    scope: 'broker' | 'network',
    work: () => Promise<string>,
    heal?: () => Promise<unknown>,
  ): Promise<void>;
  /** Messages handled with success, each once. */
  readonly done: ReadonlySet<string>;
  readonly outcomes: Readonly<Record<Outcome, number>>;
  /** Waits until the broker says that nothing is left, and a quiet time; then the history is judged. */
  judge(claim: Claim, left?: () => Promise<number | undefined>): Promise<Verdict>;
}

type Arrived = Pick<Delivery, 'headers'> & Partial<Pick<Delivery, 'attempt' | 'redelivered' | 'key'>>;

/** Every message says in its headers, too, which it is. */
export const named = ({ id }: Job): { readonly id: string; readonly headers: Readonly<Record<string, string>> } => ({
  id,
  headers: { 'x-message': id },
});

const bodyOf = (job: Job): string => checksum(JSON.stringify(job));

export function recorderOf(context: Context): Recorder {
  const history = context.history();
  const { writer } = history;
  const done = new Set<string>();
  const outcomes = { ok: 0, fail: 0, unknown: 0 };
  let deliveries = 0;
  const begin: Recorder['begin'] = (subscription, job, { headers, attempt, redelivered, key }, consumer) => {
    const delivery = `d${++deliveries}`;
    writer.record({
      type: 'deliver',
      delivery,
      message: job.id,
      headerMessage: headers['x-message'],
      subscription,
      consumer,
      key,
      body: bodyOf(job),
      attempt,
      redelivered,
    });
    return delivery;
  };
  const end: Recorder['end'] = (delivery, outcome) => writer.record({ type: 'handled', delivery, outcome });
  return {
    done,
    outcomes,
    begin,
    end,
    async send(destination, job, send, key) {
      writer.record({ type: 'publish.invoke', message: job.id, destination, key, body: bodyOf(job) });
      const outcome = await outcomeOf(send);
      outcomes[outcome] += 1;
      writer.record({ type: `publish.${outcome}`, message: job.id });
      return outcome;
    },
    ready: (subscription, destination) => writer.record({ type: 'subscribe.ready', subscription, destination }),
    handler: (subscription, work, consumer) => async (job, delivery) => {
      const id = begin(subscription, job, delivery, consumer);
      try {
        await work?.(job, delivery);
      } catch (error) {
        end(id, 'error');
        throw error;
      }
      end(id, 'ok');
      done.add(job.id);
    },
    async settle(delivery, settlement, settle) {
      writer.record({ type: 'settle.invoke', delivery, settlement });
      const settled = await settle();
      writer.record({ type: settled === 'settled' ? 'settle.ok' : 'settle.lost', delivery, settlement });
      return settled;
    },
    deadLetter: (subscription, job, reason, attempts) =>
      writer.record({ type: 'dead-letter.read', subscription, message: job.id, reason, attempts, body: bodyOf(job) }),
    ended: (subscription, consumer) => writer.record({ type: 'subscribe.end', subscription, consumer }),
    observe: (event) => note(history, event),
    fault: (kind, scope, work, heal) => recordFault(history, `${kind}-${++deliveries}`, kind, scope, work, heal),
    async judge(claim, left) {
      writer.record({ type: 'drain.begin' });
      const depth = await drained(context, left);
      writer.record({ type: 'drain.end', depth });
      return history.judge(claim);
    },
  };
}

/** What is left in the end; `null` where nobody can tell. A broker's figures may lag by some seconds. */
async function drained(
  context: Context,
  left: () => Promise<number | undefined> = async () => undefined,
): Promise<number | null> {
  if (context.capabilities.admin === 'none') left = async () => undefined;
  let depth: number | undefined;
  await context
    .until('an empty place', async () => (depth = await left()) === 0 || depth === undefined)
    .catch(() => undefined);
  await context.quiet();
  return depth ?? null;
}

/** Nothing but a WaybillError may come out of a send. */
async function outcomeOf(send: () => Promise<unknown>): Promise<Outcome> {
  try {
    await send();
    return 'ok';
  } catch (error) {
    if (!WaybillError.is(error)) throw error;
    return error.outcome === 'unknown' ? 'unknown' : 'fail';
  }
}

function note({ writer }: CaseHistory, event: BusEvent): void {
  if (event.type !== 'link') return;
  if (event.state === 'live') writer.record({ type: 'connection.up' });
  if (event.state === 'down') writer.record({ type: 'connection.down', reason: String(event.cause) });
}

async function recordFault(
  { writer }: CaseHistory,
  fault: string,
  kind: string,
  scope: 'broker' | 'network',
  work: () => Promise<string>,
  heal?: () => Promise<unknown>,
): Promise<void> {
  writer.record({ type: 'fault.begin', fault, kind, scope });
  writer.record({ type: 'fault.confirmed', fault, evidence: await work() });
  await heal?.();
  writer.record({ type: 'fault.healed', fault });
}
