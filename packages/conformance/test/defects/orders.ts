import { edit, type Defect } from './defect.ts';

const scheduler = 'core/src/receive/scheduler.ts';
const outlet = 'core/src/send/outlet.ts';
const intake = 'core/src/receive/lane-intake.ts';
const backwards = edit(
  intake,
  'for (const incoming of batch) this.#admit',
  'for (const incoming of [...batch].reverse()) this.#admit',
);
const forgetsKeys = edit(
  scheduler,
  'if (taken) return taken.behind.push(item);',
  'if (taken) return this.again(item);',
);

/** Order: O. */
export const orders: readonly Defect[] = [
  {
    name: 'hands a batch out backwards',
    kills: ['O01:topic', 'O02', 'O02:topic', 'O05', 'O10', 'O13'],
    edits: [backwards],
  },
  {
    name: 'starts followers beside the holder of their key',
    kills: ['O01', 'O03', 'O03:topic', 'O05', 'O05:topic', 'O12', 'O12:stream', 'O13:topic'],
    edits: [forgetsKeys],
  },
  {
    name: 'takes all keys for one',
    kills: ['O04', 'O04:topic', 'O05', 'O05:topic'],
    edits: [edit(scheduler, 'this.#keyOf = keyOf;', "this.#keyOf = keyOf && (() => 'one');")],
  },
  {
    name: 'sends a batch backwards',
    kills: ['O09', 'O09:topic', 'O10', 'O10:topic'],
    edits: [edit(outlet, 'return this.#queued.take(this.#most);', 'return this.#queued.take(this.#most).reverse();')],
  },
  {
    name: 'runs what a drain left behind',
    kills: ['O12', 'O12:topic'],
    edits: [edit(intake, '|| this.#left.has(loan)) return', ') return')],
  },
  {
    name: 'lets later messages overtake one that is sent again',
    kills: ['O08:retried', 'O08:retried.topic'],
    edits: [
      edit(
        outlet,
        'if (left.length > 0) await sleep(this.#sender.clock, backoffMs(left[0]!.failures));',
        'if (left.length === 0) continue;\n      this.#dispatching--;\n      this.#flush();\n      await sleep(this.#sender.clock, 2500);\n      this.#dispatching++;',
      ),
    ],
  },
  {
    name: 'plans past exclusions',
    kills: ['O14'],
    edits: [edit('core/src/plan/meet.ts', 'const clash = channel.excludes.find(', 'const clash = [].find(')],
  },
  {
    name: 'hands the batches of a lost connection out backwards',
    target: 'rabbitmq-4.3',
    kills: ['O06', 'O07', 'O07:disconnect', 'O07:disconnect.topic'],
    edits: [backwards],
  },
];
