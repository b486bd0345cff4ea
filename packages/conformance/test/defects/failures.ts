import { edit, type Defect } from './defect.ts';

const retry = 'core/src/emulate/retry.ts';
const fate = 'core/src/emulate/fate.ts';
const copies = 'core/src/emulate/copies.ts';
const memoryQueue = 'in-memory/src/queue.ts';

/** What becomes of failed messages: D. */
export const failures: readonly Defect[] = [
  {
    name: 'gives up one attempt too late',
    kills: ['D01', 'D01:topic', 'O05:given.up', 'O05:given.up.topic'],
    edits: [edit(retry, 'if (attempt >= policy.attempts)', 'if (attempt > policy.attempts)')],
  },
  {
    name: 'copies without the headers of the original',
    kills: ['D02', 'D02:topic', 'D10'],
    edits: [edit(copies, 'headers: { ...incoming.headers, ...headers },', 'headers: { ...headers },')],
  },
  {
    name: 'copies with an id of their own',
    kills: ['D02', 'D10'],
    edits: [edit(copies, 'const id = incoming.id ?? newId();', 'const id = newId();')],
  },
  {
    name: 'copies bodies as text',
    kills: ['D02:bytes'],
    edits: [
      edit(
        copies,
        'body: incoming.body,',
        "body: incoming.body && Buffer.from(Buffer.from(incoming.body).toString('utf8')),",
      ),
    ],
  },
  {
    name: 'dead-letters what is also given back',
    kills: ['D03', 'D03:topic', 'D04', 'D04:topic'],
    edits: [
      edit(
        fate,
        "        loan.settle({ outcome: 'accept' });\n        return true;",
        "        loan.settle({ outcome: 'release', delayMs: 0, failed: false });\n        return true;",
      ),
    ],
  },
  {
    name: 'tries again what was rejected',
    kills: ['D04', 'D04:topic', 'D13', 'D13:topic'],
    edits: [edit(retry, 'if (isReject(error)) return', 'if (isReject(error) && attempt > 1) return')],
  },
  {
    name: 'treats what does not decode as a failed handler',
    kills: ['D07'],
    edits: [edit('core/src/receive/runner.ts', "throw new Doomed('undecodable', error);", 'throw error;')],
  },
  {
    name: 'gives back what it gives up',
    kills: ['D13', 'D13:topic'],
    edits: [
      edit(
        fate,
        "return loan.settle({ outcome: 'reject', reason });",
        "return loan.settle({ outcome: 'release', delayMs: 50, failed: true });",
      ),
    ],
  },
  {
    name: 'takes a dead letter that was refused for stored',
    kills: ['D08'],
    edits: [
      edit(
        fate,
        "observer.emit('held', { source, id: loan.id, target: target.name, error });\n        await sleep",
        "loan.settle({ outcome: 'accept' });\n        return true;\n        await sleep",
      ),
    ],
  },
  {
    name: 'counts what was given back as a failed attempt',
    kills: ['D12'],
    edits: [
      edit(
        'core/src/receive/loan.ts',
        "this.settle({ outcome: 'release', delayMs: 0, failed: false });",
        "this.settle({ outcome: 'release', delayMs: 0, failed: true });",
      ),
    ],
  },
  {
    name: 'lets an observer break what it observes',
    kills: ['D14', 'D14:topic'],
    edits: [
      edit(
        'core/src/observe/observer.ts',
        '  } catch (error) {\n    warn(error);',
        '  } catch (error) {\n    throw error;',
      ),
    ],
  },
  {
    name: 'drops what expires',
    kills: ['D15', 'D15:topic'],
    edits: [edit(memoryQueue, "this.#host.bury(this.settings.deadLetter, entry, this.name, 'expired');", '')],
  },
  {
    name: 'waits half of the backoff',
    kills: ['D05', 'D05:topic', 'D05:delayed'],
    edits: [edit(retry, 'if (isWait(ms)) return ms;', 'if (isWait(ms)) return ms / 2;')],
  },
  {
    name: 'counts attempts in the wrong place',
    kills: ['D05:immediate', 'D01'],
    edits: [edit(memoryQueue, '        entry.failures += 1;\n', '        entry.failures ||= 1;\n')],
  },
  {
    name: 'keeps retries itself where the broker could',
    kills: ['D05:delayed', 'D05:delayed.topic', 'D05:immediate', 'D05:immediate.topic'],
    edits: [
      edit(
        'core/src/plan/steps.ts',
        "if (channel.release === 'delayed' && delayMs <= channel.limits.maxReleaseDelayMs) return 'release';",
        '',
      ),
    ],
  },
  {
    name: 'holds the slot of a message that waits',
    kills: ['D06', 'D06:topic'],
    edits: [
      edit(
        fate,
        "return loan.settle({ outcome: 'release', delayMs, failed: true });",
        "await sleep(clock, delayMs, loan.signal);\n        return loan.settle({ outcome: 'release', delayMs: 0, failed: true });",
      ),
    ],
  },
  {
    name: 'decodes a message once for all its attempts',
    kills: ['D11', 'D11:topic'],
    edits: [
      edit(
        'core/src/receive/decode.ts',
        '    return codec.decode(body);',
        "    const text = Buffer.from(body).toString('latin1');\n    if (!memo.has(text)) memo.set(text, codec.decode(body));\n    return memo.get(text);",
      ),
      edit('core/src/receive/decode.ts', 'function read(', 'const memo = new Map<string, unknown>();\nfunction read('),
    ],
  },
  {
    name: 'ignores the linear schedule of the queue',
    target: 'rabbitmq-4.3',
    kills: ['D05:linear'],
    edits: [
      edit(
        'core/src/plan/steps.ts',
        "if (channel.release === 'linear' && brokerDelayMs === delayMs) return 'release';",
        '',
      ),
    ],
  },
  {
    name: 'accepts the original before its dead letter is stored, and lets go of that with the connection',
    target: 'rabbitmq-4.3',
    kills: ['D09'],
    edits: [
      edit(
        fate,
        'await sender.send(target, copy, copyTerms);',
        "loan.settle({ outcome: 'accept' });\n        await new Promise((resolve) => setTimeout(resolve, 300));\n        if (!sender.keeper.current) return false;\n        await sender.send(target, copy, copyTerms);",
      ),
    ],
  },
];
