import type {
  Incoming,
  Lane,
  LaneOwner,
  PositionReceiver,
  Positioned,
  Receipted,
  Receiver,
  Settlement,
  Unsettled,
  Watermark,
} from '@waybill/core/driver';

/** A receiver whose messages are settled one by one. */
export type SettlingReceiver = Exclude<Receiver, PositionReceiver>;

type Settle = (batch: readonly Settlement[]) => Promise<readonly Unsettled[]>;
type Commit = (marks: readonly Watermark[]) => Promise<readonly Unsettled[]>;

/** What is put in place of a receiver's own methods; each is given the one to go on with. */
export interface ReceiverParts {
  readonly pull?: <M extends Incoming>(lane: Lane<M>, limit: number, signal: AbortSignal) => Promise<readonly M[]>;
  readonly settle?: (settle: Settle, batch: readonly Settlement[]) => Promise<readonly Unsettled[]>;
  readonly close?: (close: () => Promise<void>) => Promise<void>;
  readonly extend?: (receipts: readonly unknown[]) => Promise<readonly Unsettled[]>;
  /** What it says of its leases. */
  readonly leaseMs?: number;
  /** Instead of asking core. */
  readonly revoking?: () => Promise<void>;
  /** The lanes are the driver's own. */
  readonly commit?: (commit: Commit, marks: readonly Watermark[]) => Promise<readonly Unsettled[]>;
}

export const wrapReceiver = (receiver: Receiver, parts: ReceiverParts): Receiver =>
  receiver.style === 'position' ? wrapPositions(receiver, parts) : wrapSettling(receiver, parts);

export function wrapSettling(receiver: SettlingReceiver, parts: ReceiverParts): SettlingReceiver {
  const { settle, close, extend, leaseMs } = parts;
  const lanes = wrappedLanes<Receipted>(parts);
  const common = {
    native: receiver.native,
    closed: receiver.closed,
    start: (owner: LaneOwner<Receipted>): void => receiver.start(lanes.owner(owner)),
    close: () => (close ? close(() => receiver.close()) : receiver.close()),
    settle: (batch: readonly Settlement[]) =>
      settle ? settle((changed) => receiver.settle(changed), batch) : receiver.settle(batch),
    ...(receiver.address !== undefined && { address: receiver.address }),
  };
  return receiver.style === 'message'
    ? { style: 'message', ...common }
    : {
        style: 'lease',
        leaseMs: leaseMs ?? receiver.leaseMs,
        extend: (receipts) => (extend ? extend(receipts) : receiver.extend(receipts)),
        ...common,
      };
}

function wrapPositions(receiver: PositionReceiver, parts: ReceiverParts): PositionReceiver {
  const { close, commit } = parts;
  const lanes = wrappedLanes<Positioned>(parts);
  const unwrap = ({ lane, through }: Watermark): Watermark => ({ lane: lanes.original(lane), through });
  const write: Commit = (marks) => receiver.commit!(marks);
  return {
    style: 'position',
    native: receiver.native,
    closed: receiver.closed,
    start: (owner) => receiver.start(lanes.owner(owner)),
    close: () => (close ? close(() => receiver.close()) : receiver.close()),
    ...(receiver.commit && {
      commit: (marks) => (commit ? commit(write, marks.map(unwrap)) : write(marks.map(unwrap))),
    }),
    ...(receiver.transact && { transact: (outputs, marks) => receiver.transact!(outputs, marks.map(unwrap)) }),
  };
}

interface WrappedLanes<M extends Incoming> {
  readonly owner: (owner: LaneOwner<M>) => LaneOwner<M>;
  readonly original: (lane: Lane<M>) => Lane<M>;
}

/** Core sees lanes of ours; the driver gets its own back, since it compares them. */
function wrappedLanes<M extends Incoming>({ pull, revoking }: ReceiverParts): WrappedLanes<M> {
  const ours = new Map<Lane<M>, Lane<M>>();
  const theirs = new Map<Lane<M>, Lane<M>>();
  const wrap = (lane: Lane<M>): Lane<M> => {
    const known = ours.get(lane) ?? wrapLane(lane, pull);
    ours.set(lane, known);
    theirs.set(known, lane);
    return known;
  };
  return {
    original: (lane) => theirs.get(lane) ?? lane,
    owner: (owner) => ({
      granted: (lanes) => owner.granted(lanes.map(wrap)),
      revoking: (lanes, withinMs) => (revoking ? revoking() : owner.revoking(lanes.map(wrap), withinMs)),
      ended: (lanes) => owner.ended(lanes.map(wrap)),
    }),
  };
}

const wrapLane = <M extends Incoming>(lane: Lane<M>, pull: ReceiverParts['pull']): Lane<M> => ({
  id: lane.id,
  pull: (limit, signal) => (pull ? pull(lane, limit, signal) : lane.pull(limit, signal)),
  ...(lane.seek && { seek: (to) => lane.seek!(to) }),
});
