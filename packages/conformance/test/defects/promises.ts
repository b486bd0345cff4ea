import { edit, type Defect } from './defect.ts';

const memoryQueue = 'in-memory/src/queue.ts';
const outlet = 'core/src/send/outlet.ts';
const facts = 'core/src/destination/facts.ts';
const loses = edit(
  'in-memory/src/sender.ts',
  '  const position = sink.put(new Stored(message, now), message) ?? -1;',
  '  const position = ++stored % 101 === 0 ? -1 : (sink.put(new Stored(message, now), message) ?? -1);',
);
const counts = edit('in-memory/src/sender.ts', 'export function keep(', 'let stored = 0;\nexport function keep(');

const unknownAsStored = [
  edit(
    outlet,
    '    this.#failed(item, outcome, error);\n    return false;',
    "    if (outcome === 'unknown') item.waiter.stored(item.index, { unsent: [] }, 0);\n    else this.#failed(item, outcome, error);\n    return false;",
  ),
];

/** Guarantees: G. */
export const promises: readonly Defect[] = [
  {
    name: 'tries again what was to be handled at most once',
    kills: ['G01', 'G01:topic'],
    edits: [
      edit(
        facts,
        "(destination.needs as { readonly delivery?: string }).delivery === 'at-most-once';",
        'false && destination !== undefined;',
      ),
    ],
  },
  {
    name: 'loses one message in a hundred',
    kills: ['G03', 'G03:topic', 'G03:stream', 'G05', 'G04:pause', 'G04:disconnect'],
    edits: [loses, counts],
  },
  {
    name: 'hands out one message in fifty twice',
    kills: ['G03', 'G03:topic', 'G05:topic'],
    edits: [
      edit(
        memoryQueue,
        '        entry.deliveries += 1;\n        return entry;',
        '        entry.deliveries += 1;\n        if (entry.place % 50 === 7 && entry.deliveries === 1) this.repeat(entry);\n        return entry;',
      ),
    ],
  },
  {
    name: 'accepts what its handler failed on',
    kills: ['G05', 'G05:topic'],
    edits: [
      edit(
        'core/src/emulate/fate.ts',
        'if (loan.isFree) await this.#apply(judge(error, loan.attempt, retry), loan, error);',
        "if (loan.isFree) loan.settle({ outcome: 'accept' });\n    void judge, error, retry;",
      ),
    ],
  },
  {
    name: 'sends what it has refused',
    kills: ['G06', 'G06:topic'],
    edits: [
      edit(
        outlet,
        '    if (!link) return noneSent(',
        '    if (!link) void this.#sender.keeper.live().then((late) => late.send(this.#target, items.map((item) => item.message)));\n    if (!link) return noneSent(',
      ),
    ],
  },
  {
    name: 'drops no duplicates',
    kills: ['G08', 'G08:topic', 'G09', 'G09:resend'],
    edits: [edit('in-memory/src/sender.ts', 'if (known !== undefined) return known;', '')],
  },
  { name: 'calls an unknown outcome stored', kills: ['G09', 'G09:topic'], edits: unknownAsStored },
  {
    name: 'calls an unknown outcome stored, when it truly is unknown',
    target: 'rabbitmq-4.3',
    kills: ['O08', 'O08:topic', 'G04:disconnect', 'G04:stop'],
    edits: unknownAsStored,
  },
  {
    name: 'calls an unknown outcome refused',
    kills: ['G09', 'G09:topic'],
    edits: [
      edit(outlet, "    if (outcome === 'unknown') {\n", "    if (outcome === 'unknown' && error === undefined) {\n"),
    ],
  },
  {
    name: 'sends nothing again',
    kills: ['G09:resend', 'G09:resend.topic'],
    edits: [edit(outlet, ": this.#terms.resend === 'always';", ': false;')],
  },
  {
    name: 'makes names alike',
    kills: ['G15'],
    edits: [
      edit(
        'core/src/plan/topology.ts',
        'return { name: destination.name, order',
        "return { name: destination.name.toLowerCase().replaceAll('_', '-'), order",
      ),
    ],
  },
  {
    name: 'gives accepted messages out again',
    kills: ['G16', 'G16:topic'],
    edits: [
      edit(
        memoryQueue,
        '  accept(entry: Entry, now: number): void {\n',
        '  accept(entry: Entry, now: number): void {\n    this.#host.agenda.after(700, () => this.put(entry.stored, {}));\n',
      ),
    ],
  },
  {
    name: 'extends no lease',
    kills: ['G17', 'G17:topic', 'G18', 'G18:topic'],
    edits: [edit('core/src/settle/lease-keeper.ts', '* 2) / 3) due.push(loan);', '* 2) / 3) void due;')],
  },
  {
    name: 'claims exactly-once',
    kills: ['G19'],
    edits: [
      edit(
        'core/src/plan/meet.ts',
        "if (wanted === 'exactly-once') return meetExactlyOnce(capabilities, destination);",
        "if (wanted === 'exactly-once') return byBroker;\n  void meetExactlyOnce;",
      ),
    ],
  },
  {
    name: 'sends what a run that failed had sent',
    kills: ['G21:stream'],
    edits: [
      edit(
        'core/src/receive/loan.ts',
        'this.#asked = this.sending = this.outputs = undefined;',
        'this.#asked = this.sending = undefined;',
      ),
    ],
  },
  {
    name: 'accepts before what was sent is stored',
    kills: ['G26', 'G26:topic'],
    edits: [
      edit('core/src/receive/lane-intake.ts', 'if (sending !== undefined) return', 'if (sending === null) return'),
    ],
  },
  {
    name: 'sends at once what is to be held back',
    kills: ['G21:stream', 'G22:stream'],
    edits: [edit('core/src/bus/outputs.ts', 'if (!exactlyOnce)', 'if (!exactlyOnce || exactlyOnce)')],
  },
  {
    name: 'draws its ids from sixteen bits',
    kills: ['G20'],
    edits: [
      edit(
        'core/src/send/id.ts',
        '  const parts: string[] = [];\n',
        '  const parts: string[] = [];\n  for (let at = 0; at < random.length; at++) if (at % bytesEach > 1) random[at] = 0;\n',
      ),
    ],
  },
  {
    name: 'confirms before the broker has it',
    target: 'rabbitmq-4.3',
    kills: ['G04:kill', 'G07', 'G07:fresh'],
    edits: [
      edit(
        'adapter-rabbitmq/src/publisher.ts',
        '      if (batch.unconfirmed === 0) settle(batch);\n    });\n  }\n\n  #publish',
        '      settle(batch);\n    });\n  }\n\n  #publish',
      ),
    ],
  },
  {
    name: 'settles at-most-once after the handler',
    target: 'rabbitmq-4.3',
    kills: ['G02'],
    edits: [
      edit(
        'adapter-rabbitmq/src/receiver.ts',
        "if (last !== undefined && this.#options.delivery === 'at-most-once') await",
        'if (last === undefined) await',
      ),
    ],
  },
];
