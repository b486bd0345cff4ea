import type { Driver } from '@waybill/core';
import type { Lane, LaneOwner, Link, Positioned, PositionReceiver, Watermark } from '@waybill/core/driver';

export interface CommitWatcher {
  /** Message ids, in the order of their lane. */
  pulled(ids: readonly string[]): void;
  /** The id of the record that a commit names. */
  committed(id: string): void;
}

/** The same driver, with every pull and commit of its streams told before it goes on. */
export function commitsSeen(driver: Driver, watcher: CommitWatcher): Driver {
  return {
    spec: driver.spec,
    name: driver.name,
    capabilities: driver.capabilities,
    classify: (error) => driver.classify(error),
    connect: async (options) => watchedLink(await driver.connect(options), watcher),
  };
}

function watchedLink(link: Link, watcher: CommitWatcher): Link {
  const { admin } = link;
  return {
    native: link.native,
    capabilities: link.capabilities,
    closed: link.closed,
    send: (target, batch) => link.send(target, batch),
    async receive(source, options) {
      const receiver = await link.receive(source, options);
      return receiver.style === 'position' ? watchedReceiver(receiver, watcher) : receiver;
    },
    ping: (signal) => link.ping(signal),
    close: () => link.close(),
    ...(link.declare && { declare: (declarations, mode) => link.declare!(declarations, mode) }),
    ...(admin && { admin }),
  };
}

/** Core sees lanes of ours; the driver gets its own back, since it compares them. */
function watchedReceiver(receiver: PositionReceiver, watcher: CommitWatcher): PositionReceiver {
  const idAt = new Map<string, string>();
  const ours = new Map<Lane<Positioned>, Lane<Positioned>>();
  const theirs = new Map<Lane<Positioned>, Lane<Positioned>>();
  const wrap = (lane: Lane<Positioned>): Lane<Positioned> => {
    const known = ours.get(lane) ?? watchedLane(lane, (records) => note(lane, records));
    ours.set(lane, known);
    theirs.set(known, lane);
    return known;
  };
  const note = (lane: Lane<Positioned>, records: readonly Positioned[]): void => {
    for (const { position, id = position } of records) idAt.set(`${lane.id} ${position}`, id);
    watcher.pulled(records.map(({ position, id = position }) => id));
  };
  const unwrap = ({ lane, through }: Watermark): Watermark => {
    watcher.committed(idAt.get(`${lane.id} ${through}`) ?? through);
    return { lane: theirs.get(lane) ?? lane, through };
  };
  return {
    style: 'position',
    native: receiver.native,
    closed: receiver.closed,
    start: (owner) => receiver.start(watchedOwner(owner, wrap)),
    close: () => receiver.close(),
    ...(receiver.commit && { commit: (marks) => receiver.commit!(marks.map(unwrap)) }),
  };
}

const watchedOwner = (
  owner: LaneOwner<Positioned>,
  wrap: (lane: Lane<Positioned>) => Lane<Positioned>,
): LaneOwner<Positioned> => ({
  granted: (lanes) => owner.granted(lanes.map(wrap)),
  revoking: (lanes, withinMs) => owner.revoking(lanes.map(wrap), withinMs),
  ended: (lanes) => owner.ended(lanes.map(wrap)),
});

const watchedLane = (lane: Lane<Positioned>, note: (records: readonly Positioned[]) => void): Lane<Positioned> => ({
  id: lane.id,
  async pull(limit, signal) {
    const records = await lane.pull(limit, signal);
    note(records);
    return records;
  },
  ...(lane.seek && { seek: (to) => lane.seek!(to) }),
});
