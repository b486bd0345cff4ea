import { edit, type Defect } from './defect.ts';

const memoryQueue = 'in-memory/src/queue.ts';
const options = 'core/src/send/options.ts';
const runsExpired = edit('core/src/receive/runner.ts', 'if (expires && Number(', 'if (false && Number(');

/** Delay, time to live and priority: L. */
export const times: readonly Defect[] = [
  {
    name: 'halves every delay',
    kills: ['L01', 'L01:topic', 'L02', 'L02:topic', 'L05'],
    edits: [edit(memoryQueue, 'const waitMs = delayMs +', 'const waitMs = delayMs / 2 +')],
  },
  {
    name: 'delays everything by the same time',
    kills: ['L01', 'L06', 'L06:topic'],
    edits: [edit(memoryQueue, 'const waitMs = delayMs +', 'const waitMs = (delayMs > 0 ? 1600 : 0) +')],
  },
  {
    name: 'holds a queue up while something in it is delayed',
    kills: ['L03', 'L03:topic'],
    edits: [
      edit(
        memoryQueue,
        '    else this.#append(entry);\n',
        '    else if (this.#delayed.size > 0) this.#postpone(entry, 1300, () => this.#append(entry));\n    else this.#append(entry);\n',
      ),
    ],
  },
  {
    name: 'keeps delayed messages in the producer',
    kills: ['L05'],
    edits: [
      edit(
        'core/src/send/outbox.ts',
        'const { delayMs } = message;\n',
        'const { delayMs } = message;\n    if (delayMs) {\n      setTimeout(() => void this.#setup.outlet.send({ ...ready, delayMs: undefined }, ready.sentAt).catch(() => undefined), delayMs);\n      return Promise.resolve(undefined);\n    }\n',
      ),
    ],
  },
  {
    name: 'takes any delay',
    kills: ['L07', 'L07:topic'],
    edits: [
      edit(options, 'delayMs: checkDuration({})', 'delayMs: () => undefined'),
      edit('core/src/send/encoder.ts', "if (delay === 'native' &&", 'if (false &&'),
    ],
  },
  {
    name: 'knows no time to live',
    kills: ['L09', 'L09:topic', 'L09:behind'],
    edits: [edit(memoryQueue, 'expiresAt: stored.storedAt + ttlMs,', 'expiresAt: Infinity,'), runsExpired],
  },
  { name: 'runs what expired in hand', kills: ['L09:behind', 'L09:behind.topic'], edits: [runsExpired] },
  {
    name: 'takes milliseconds to live for centiseconds',
    kills: ['L10', 'L10:topic'],
    edits: [edit(memoryQueue, 'expiresAt: stored.storedAt + ttlMs,', 'expiresAt: stored.storedAt + ttlMs / 100,')],
  },
  {
    name: 'lets everything expire',
    kills: ['L11', 'L11:topic'],
    edits: [edit(memoryQueue, 'ttlMs = Infinity,', 'ttlMs = 500,')],
  },
  {
    name: 'dead-letters what expired under its handler',
    kills: ['L13', 'L13:topic'],
    edits: [
      edit(
        memoryQueue,
        '  accept(entry: Entry, now: number): void {\n',
        "  accept(entry: Entry, now: number): void {\n    if (this.#isExpired(entry)) return this.reject(entry, now, 'expired');\n",
      ),
    ],
  },
  {
    name: 'takes any time to live',
    kills: ['L14', 'L14:topic'],
    edits: [edit(options, 'ttlMs: ttl,', 'ttlMs: () => undefined,')],
  },
  {
    name: 'knows no priorities',
    kills: ['L16', 'L17', 'L17:default'],
    edits: [edit(memoryQueue, 'priority: this.settings.priority ? priority : 0,', 'priority: 0,')],
  },
  {
    name: 'takes 0 for the highest priority',
    kills: ['L16', 'L17'],
    edits: [edit(memoryQueue, 'priority: this.settings.priority ? priority : 0,', 'priority: 9 - priority,')],
  },
  {
    name: 'leaves the default priority to the broker, whose default is 4',
    kills: ['L17:default'],
    edits: [edit(memoryQueue, 'priority: this.settings.priority ? priority : 0,', 'priority: priority || 4,')],
  },
  {
    name: 'takes any priority',
    kills: ['L19'],
    edits: [edit(options, 'ttlMs: ttl, priority }', 'ttlMs: ttl, priority: () => undefined }')],
  },
  {
    name: 'keeps delayed messages in the producer, whose broker dies',
    target: 'rabbitmq-4.3',
    kills: ['L04'],
    edits: [
      edit(
        'core/src/send/outbox.ts',
        'return this.#delayOutlet(delayMs).sendMany(',
        'if (delayMs > 0) return void setTimeout(() => void this.#setup.outlet.sendMany(ready).catch(() => undefined), delayMs);\n    return this.#delayOutlet(delayMs).sendMany(',
      ),
    ],
  },
];
