import { allSent, type Target } from '@waybill/core/driver';
import type { Mutant } from './mutant.ts';
import { everyNth, sending, sendOnly } from './parts.ts';
import { wrapLink } from './wrap-link.ts';

/** Defects in what becomes of a send. */
export const sendingMutants: readonly Mutant[] = [
  {
    name: 'drops one in a hundred',
    defect: 'One of a hundred messages to a queue is answered as stored and is not.',
    killedBy: 'Q04',
    wrap(driver) {
      const isDropped = everyNth(100);
      return wrapLink(driver, {
        send: (link, target, batch) =>
          target.kind === 'queue' ? sendOnly(link, target, batch, () => !isDropped()) : link.send(target, batch),
      });
    },
  },
  {
    name: 'stores one in fifty twice',
    defect: 'One of fifty messages to a queue is stored twice.',
    killedBy: 'Q04',
    wrap(driver) {
      const isDoubled = everyNth(50);
      return wrapLink(driver, {
        async send(link, target, batch) {
          const again = target.kind === 'queue' ? batch.filter(isDoubled) : [];
          if (again.length > 0)
            await link.send(
              target,
              again.map((message) => ({ ...message, sendId: `${message.sendId}/again` })),
            );
          return link.send(target, batch);
        },
      });
    },
  },
  {
    name: 'leaks into another queue',
    defect: 'The first message of each send also goes to the queue that was sent to before.',
    killedBy: 'Q06',
    wrap(driver) {
      let before: Target | undefined;
      return wrapLink(driver, {
        async send(link, target, batch) {
          const other = before;
          if (target.kind === 'queue') before = target;
          if (other && target.kind === 'queue' && other.name !== target.name) await link.send(other, batch.slice(0, 1));
          return link.send(target, batch);
        },
      });
    },
  },
  {
    name: 'calls a refused send stored',
    defect: 'What the broker has refused is answered as stored.',
    killedBy: 'Q20',
    wrap: (driver) =>
      wrapLink(driver, {
        async send(link, target, batch) {
          await link.send(target, batch);
          return allSent;
        },
      }),
  },
  {
    name: 'ignores delays',
    defect: 'A delayed message is handed out at once.',
    killedBy: 'L01',
    wrap: sending((message) => ({ ...message, delayMs: undefined })),
  },
  {
    name: 'ignores times to live',
    defect: 'The broker hands out messages whose time to live is over.',
    killedBy: 'N06:queue.ttl=native',
    wrap: sending((message) => ({ ...message, ttlMs: undefined })),
  },
  {
    name: 'ignores priorities',
    defect: 'Messages are handed out as they were sent, whatever their priority.',
    killedBy: 'L16',
    wrap: sending((message) => ({ ...message, priority: undefined })),
  },
  {
    name: 'declares a priority that it lacks',
    defect: 'The manifest says that the broker orders by priority, and the lowest comes first.',
    killedBy: 'N06:queue.priority=native',
    wrap: sending((message) =>
      message.priority === undefined ? message : { ...message, priority: 9 - message.priority },
    ),
  },
  {
    name: 'declares a dedup that it lacks',
    defect: 'The manifest says that a repeated send is dropped, and it is stored again.',
    killedBy: 'N06:queue.dedup=window',
    wrap(driver) {
      let sends = 0;
      return sending((message) => ({ ...message, sendId: `${message.sendId}/${++sends}` }))(driver);
    },
  },
  {
    name: 'gives dead letters no reason',
    defect: 'A dead letter comes without its reason, its error and where it died.',
    killedBy: 'D02',
    wrap: sending((message) => ({
      ...message,
      headers: Object.fromEntries(
        Object.entries(message.headers).filter(([name]) => !name.startsWith('waybill-dead-')),
      ),
    })),
  },
];
