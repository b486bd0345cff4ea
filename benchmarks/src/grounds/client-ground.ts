import { connect } from '@waybill/core';
import type { SequenceFaults } from '../arms/shared/measured.ts';
import { indexOf, makeOrders, type Order } from '../arms/shared/order.ts';
import { Sequence } from '../arms/shared/sequence.ts';
import { log, usual } from '../arms/waybill/places.ts';
import type { Arm, Field } from '../harness/row.ts';

/** Places of one kind at a broker: made, filled, looked at. */
export interface Store {
  /** Makes a place with orders in it, the first with the number 0. */
  fill(name: string, count: number): Promise<void>;
  /** Takes everything out, and looks at its numbers. */
  drain(name: string, expected: number): Promise<SequenceFaults>;
}

/** A broker for its stock client and Waybill to be compared on. */
export interface ClientGround {
  readonly url: string;
  /** What its stock client's users would make. */
  readonly raw: (kind: Kind) => Store;
  /** Everything at the broker goes. */
  clear(): Promise<void>;
}

export type Kind = 'queue' | 'stream' | 'read';
type Fill = (arm: Arm) => Promise<Field>;

let places = 0;

/** A place with so many messages in it, as the arm's program would have made it itself. */
export const filled = (ground: ClientGround, kind: Kind, count: number): Fill => fieldOf(ground, kind, count);

/** An empty place, which the run fills with numbers from 0 to `expected`. */
export function empty(
  ground: ClientGround,
  kind: Kind,
): (arm: Arm, row: { messages: number; warmUp: number }) => Promise<Field> {
  return async (arm, row) => {
    const field = await fieldOf(ground, kind, 0)(arm);
    const expected = row.warmUp + (arm.messages ?? row.messages);
    return { ...field, faults: () => storeOf(ground, kind, arm).drain(String(field.settings['queue']), expected) };
  };
}

const storeOf = (ground: ClientGround, kind: Kind, { program }: Arm): Store =>
  program.startsWith('waybill/') ? waybillStore(ground.url, kind) : ground.raw(kind);

function fieldOf(ground: ClientGround, kind: Kind, count: number): Fill {
  return async (arm) => {
    places += 1;
    const queue = `bench-${process.pid}-${places}`;
    await storeOf(ground, kind, arm).fill(queue, count);
    return { settings: { url: ground.url, queue }, remove: () => ground.clear() };
  };
}

const chunk = 5_000;

function waybillStore(url: string, kind: Kind): Store {
  const open = async (name: string) => {
    if (kind === 'queue') {
      const bus = await connect(url, { work: usual(name) });
      return {
        bus,
        send: (orders: Order[]) => bus.work.sendMany(orders),
        each: (handle: Handle) => bus.work.consume(handle),
      };
    }
    const bus = await connect(url, { work: log(name) });
    const each = async (handle: Handle): Promise<void> => {
      for await (const { value } of bus.work.read()) handle(value);
    };
    return {
      bus,
      send: (orders: Order[]) => bus.work.appendMany(orders),
      each: async (handle: Handle) => void each(handle),
    };
  };
  return {
    async fill(name, count) {
      const { bus, send } = await open(name);
      for (let first = 0; first < count; first += chunk) await send(makeOrders(first, Math.min(chunk, count - first)));
      await bus.close();
    },
    async drain(name, expected) {
      const { bus, each } = await open(name);
      const faults = await sequenceOf(expected, each);
      await bus.close();
      return faults;
    },
  };
}

type Handle = (order: Order) => void;
const patienceMs = 2_000;

/** Ends when as many as expected are there and nothing more comes, or nothing has come for a while. */
export async function sequenceOf(
  expected: number,
  each: (handle: Handle) => Promise<unknown>,
): Promise<SequenceFaults> {
  const sequence = new Sequence();
  await new Promise<void>((resolve, reject) => {
    let timer = setTimeout(resolve, patienceMs);
    each((order) => {
      sequence.see(indexOf(order));
      if (sequence.seen % 1000 !== 0 && sequence.seen < expected) return;
      clearTimeout(timer);
      timer = setTimeout(resolve, sequence.seen < expected ? patienceMs : 50);
    }).catch(reject);
  });
  return sequence.faults(expected);
}
