import { edit, type Defect, type Edit } from './defect.ts';

const scheduler = 'core/src/receive/scheduler.ts';
const holds = (most: string): Edit =>
  edit('core/src/bus/consuming.ts', 'maxInFlight: options.maxInFlight ?? concurrency * 2,', `maxInFlight: ${most},`);

/** One count of running handlers for all consumers of the process. */
const sharedSlots: readonly Edit[] = [
  edit(scheduler, 'export class Scheduler', 'const shared = { running: 0 };\nexport class Scheduler'),
  edit(scheduler, '|| this.#running >= this.#concurrency', '|| shared.running >= this.#concurrency'),
  edit(
    scheduler,
    'this.#running < this.#concurrency && this.#ready',
    'shared.running < this.#concurrency && this.#ready',
  ),
  edit(scheduler, '    this.#running++;\n', '    this.#running++;\n    shared.running++;\n'),
  edit(scheduler, '    this.#running--;\n', '    this.#running--;\n    shared.running--;\n'),
];

/** Back pressure: B. */
export const flows: readonly Defect[] = [
  {
    name: 'runs one handler more than it may',
    kills: ['B01', 'B01:topic'],
    edits: [
      edit(scheduler, '|| this.#running >= this.#concurrency', '|| this.#running > this.#concurrency'),
      edit(
        scheduler,
        'this.#running < this.#concurrency && this.#ready',
        'this.#running <= this.#concurrency && this.#ready',
      ),
    ],
  },
  {
    name: 'runs one handler less than it may',
    kills: ['B01', 'B02', 'B02:topic'],
    edits: [
      edit(
        'core/src/receive/consumer.ts',
        'new Scheduler(terms.concurrency,',
        'new Scheduler(Math.max(1, terms.concurrency - 1),',
      ),
    ],
  },
  {
    name: 'takes more out of its driver than it may hold',
    kills: ['B01', 'B01:topic'],
    edits: [
      edit('core/src/receive/credit.ts', 'this.#maxInFlight = maxInFlight;', 'this.#maxInFlight = maxInFlight * 10;'),
    ],
  },
  {
    name: 'holds ten times what it may',
    kills: ['B01', 'B01:topic', 'B01:held', 'B01:held.topic'],
    edits: [holds('10 * (options.maxInFlight ?? concurrency * 2)')],
  },
  {
    name: 'hands out more by hand than it may',
    kills: ['B11', 'B11:topic'],
    edits: [
      holds('1 + (options.maxInFlight ?? concurrency * 2)'),
      edit('core/src/receive/consumer.ts', 'new Scheduler(terms.concurrency,', 'new Scheduler(terms.concurrency + 1,'),
    ],
  },
  { name: 'takes the whole backlog into its memory', kills: ['B03'], edits: [holds('1_000_000')] },
  {
    name: 'keeps what it has handed out',
    kills: ['B03'],
    edits: [
      edit(
        'core/src/receive/lane-intake.ts',
        '    loan.hasRun = true;\n',
        '    loan.hasRun = true;\n    kept.push(Buffer.alloc(65_536), loan);\n',
      ),
      edit(
        'core/src/receive/lane-intake.ts',
        'const returned: Outcome',
        'const kept: unknown[] = [];\nconst returned: Outcome',
      ),
    ],
  },
  {
    name: 'resolves pause while handlers run',
    kills: ['B04', 'B04:topic'],
    edits: [edit(scheduler, 'if (this.#running > 0) await new Promise', 'if (this.#running > 1000) await new Promise')],
  },
  {
    name: 'starts handlers in a pause',
    kills: ['B04', 'B04:topic'],
    edits: [
      edit(scheduler, 'while (!this.#paused &&', 'while ('),
      edit(scheduler, '|| this.#paused || this.#running >=', '|| this.#running >='),
    ],
  },
  {
    name: 'never pulls again once it was full',
    kills: ['B06', 'B06:topic', 'B01'],
    edits: [edit('core/src/receive/lane-intake.ts', 'if (this.#free() >= this.#enough) this.wake();', '')],
  },
  {
    name: 'has one message more out than the window',
    kills: ['B07'],
    edits: [
      edit('core/src/send/sender.ts', 'if (this.#unconfirmed >= this.window)', 'if (this.#unconfirmed > this.window)'),
    ],
  },
  {
    name: 'lets any number of sends wait',
    kills: ['B07'],
    edits: [edit('core/src/send/sender.ts', 'return this.#waiting.size >= this.#maxWaiting;', 'return false;')],
  },
  { name: 'shares its slots over all consumers', kills: ['B10'], edits: sharedSlots },
  {
    name: 'says nothing of a block',
    target: 'rabbitmq-4.3',
    kills: ['B08'],
    edits: [edit('adapter-rabbitmq/src/driver.ts', "'blocked'", "'never'")],
  },
];
