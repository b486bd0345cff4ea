import { queue, type } from '@waybill/core';
import { memory, memoryBroker } from '@waybill/in-memory';
import { type Context, defineTarget, type Job } from '@waybill/conformance';
import { expect, test } from 'vitest';
import { caseWith, lowered, memoryTarget, resultOf, withQueue } from './support.ts';

async function oneMessage(context: Context): Promise<void> {
  const bus = await context.connect({ jobs: queue<Job>(context.name()) });
  const inbox = context.inbox();
  const jobs = context.jobs(1);
  await bus.jobs.consume(inbox.handler);
  await bus.jobs.sendMany(jobs);
  await inbox.complete(jobs, 'the message');
}

test('a case that asserts and sees traffic passes, and says how much of both there was', async () => {
  const result = await resultOf(caseWith(oneMessage));
  expect(result).toMatchObject({ state: 'pass', assertions: 1, traffic: { connects: 1, sent: 1, received: 1 } });
});

test('a broken assertion fails, with its message and a stack', async () => {
  const result = await resultOf(caseWith(async ({ expect }) => expect.equal(1, 2, 'one')));
  expect(result).toMatchObject({ state: 'fail', reason: 'one: is 1, not 2' });
  expect(result.stack).toContain('states.test.ts');
});

test('an error that is no assertion fails too', async () => {
  const result = await resultOf(caseWith(() => Promise.reject(new TypeError('odd'))));
  expect(result).toMatchObject({ state: 'fail', reason: 'TypeError: odd' });
});

test('a case without an assertion is vacuous, and that is a failure', async () => {
  const run = async (context: Context): Promise<void> => {
    const bus = await context.connect({ jobs: queue(context.name()) });
    await bus.jobs.send('a message');
  };
  expect(await resultOf(caseWith(run))).toMatchObject({
    state: 'fail',
    reason: expect.stringContaining('vacuous: no assertion'),
  });
});

test('a case without traffic is vacuous, unless it says that there is none', async () => {
  const run = async ({ expect }: Context): Promise<void> => expect.ok(true, 'fine');
  expect(await resultOf(caseWith(run))).toMatchObject({
    state: 'fail',
    reason: expect.stringContaining('vacuous: no message'),
  });
  expect(await resultOf(caseWith(run, { traffic: 'none' }))).toMatchObject({ state: 'pass' });
});

test('an inconclusive case is unknown', async () => {
  const result = await resultOf(caseWith(async (context) => context.inconclusive('the fault did not happen')));
  expect(result).toMatchObject({ state: 'unknown', reason: 'the fault did not happen' });
});

test('a case that does not end fails when its time is over, and its waits are aborted', async () => {
  let aborted = false;
  const run = ({ signal }: Context): Promise<void> =>
    new Promise(() => signal.addEventListener('abort', () => (aborted = true)));
  const result = await resultOf(caseWith(run, { timeoutMs: 50 }));
  expect(result).toMatchObject({ state: 'fail', reason: expect.stringContaining('longer than 50 ms') });
  expect(aborted).toBe(true);
});

test('what a case leaves behind and cannot be undone fails it, also where it had failed before', async () => {
  const leaving = (context: Context): Promise<never> => {
    context.defer('giving back the key', () => Promise.reject(new Error('it is lost')));
    return Promise.reject(new Error('odd'));
  };
  expect(await resultOf(caseWith(leaving))).toMatchObject({
    state: 'fail',
    reason: 'Error: odd; after the case: giving back the key: it is lost',
  });
});

test('what must happen and does not fails with what was waited for', async () => {
  const result = await resultOf(caseWith((context) => context.until('a miracle', () => false, 30)));
  expect(result).toMatchObject({ state: 'fail', reason: 'waited 30 ms for a miracle' });
});

test('a missing control is not-run and named', async () => {
  const result = await resultOf(caseWith(oneMessage, { requires: { controls: ['disconnect', 'pause'] } }));
  expect(result).toMatchObject({ state: 'not-run', reason: 'no control: disconnect, pause' });
});

test.each([
  ['child', 'no other process'],
  ['kill', 'survives'],
  ['stop', 'survives'],
  ['proxy', 'no network'],
  ['block', 'never stops reading'],
] as const)('a fault that means nothing to a deployment, %s, is not-applicable', async (control, reason) => {
  const result = await resultOf(caseWith(oneMessage, { requires: { controls: [control] } }));
  expect(result).toMatchObject({ state: 'not-applicable', reason: expect.stringContaining(reason) });
});

test('where a broker is reached over a network and claims durability, the same faults are only not-run', async () => {
  const target = memoryTarget(memoryBroker(), { profile: { durable: 'process', note: 'elsewhere' } });
  const controls = ['child', 'kill', 'stop', 'proxy', 'block'] as const;
  const result = await resultOf(caseWith(oneMessage, { requires: { controls } }), target);
  expect(result).toMatchObject({ state: 'not-run', reason: 'no control: child, kill, stop, proxy, block' });
});

test('a predicate makes a case not-applicable with its reason', async () => {
  const result = await resultOf(caseWith(oneMessage, { requires: { able: () => 'not here' } }));
  expect(result).toMatchObject({ state: 'not-applicable', reason: 'not here', assertions: 0 });
});

const withoutPriority = () => {
  const broker = memoryBroker();
  return memoryTarget(broker, { driver: () => lowered(memory(broker), (all) => withQueue(all, { priority: 'none' })) });
};

test('a need that the plan refuses makes a case refused, with the words of the refusal', async () => {
  const needs = { priority: true } as const;
  const result = await resultOf(caseWith(oneMessage, { requires: { kind: 'queue', needs } }), withoutPriority());
  expect(result).toMatchObject({ state: 'refused', assertions: 1 });
  expect(result.reason).toMatch(/priority "true" cannot be met by memory.*Instead/);
  expect(await resultOf(caseWith(oneMessage, { requires: { kind: 'queue', needs } }))).toMatchObject({ state: 'pass' });
});

test('a kind that the broker lacks makes a case refused', async () => {
  const broker = memoryBroker();
  const target = memoryTarget(broker, { driver: () => lowered(memory(broker), (all) => ({ ...all, topic: 'none' })) });
  const result = await resultOf(caseWith(oneMessage, { requires: { kind: 'topic' } }), target);
  expect(result).toMatchObject({ state: 'refused', reason: expect.stringContaining('it has no topics') });
});

test('what fails to be undone fails the case', async () => {
  const result = await resultOf(
    caseWith(async (context) => {
      await oneMessage(context);
      context.defer('the thing', () => Promise.reject(new Error('stuck')));
    }),
  );
  expect(result).toMatchObject({ state: 'fail', reason: 'after the case: the thing: stuck' });
});

test('what was declared is removed when the case has ended', async () => {
  const broker = memoryBroker();
  let name = '';
  const result = await resultOf(
    caseWith(async (context) => {
      name = context.name();
      await oneMessage(context);
    }),
    memoryTarget(broker),
  );
  expect(result.state).toBe('pass');
  const link = await memory(broker).connect({ signal: AbortSignal.timeout(1000), onBlocked: () => {} });
  const declaration = { kind: 'queue', name, order: 'none', priority: false, ttl: false, delay: false } as const;
  expect(await link.declare!([declaration], 'verify')).toMatchObject([{ property: 'existence' }]);
  await link.close();
});

test('a broken broker is mended when the case ends, and its faults are in the evidence', async () => {
  const log: string[] = [];
  const tell = (what: string) => async () => {
    log.push(what);
    return `${what} done`;
  };
  const target = memoryTarget(memoryBroker(), { control: { pause: tell('pause'), resume: tell('resume') } });
  const run = async (context: Context): Promise<void> => {
    await context.broker.pause();
    throw new Error('before it was resumed');
  };
  const result = await resultOf(caseWith(run, { requires: { controls: ['pause'] } }), target);
  expect(log).toEqual(['pause', 'resume']);
  expect(result.evidence).toEqual({ pause: 'pause done', resume: 'resume done' });
});

test('a broker that cannot be reached is one error, not a suite of failures', async () => {
  const target = memoryTarget(memoryBroker(), {
    driver: () => ({ ...memory(), connect: () => Promise.reject(new Error('connection refused')) }),
  });
  await expect(resultOf(caseWith(oneMessage), target)).rejects.toThrow(
    'memory cannot be reached, so no case ran: connection refused',
  );
});

test('a target that could leave a broker broken is refused', () => {
  const profile = { durable: 'process', note: 'test' } as const;
  const kill = () => Promise.resolve('killed');
  expect(() => defineTarget({ name: 'x', driver: () => memory(), profile, control: { kill } })).toThrow(
    /kill without control.start/,
  );
  expect(() => defineTarget({ name: 'no spaces', driver: () => memory(), profile })).toThrow(/must match/);
});

test('values with a schema of their own are compared by what the test says', async () => {
  const result = await resultOf(
    caseWith(async (context) => {
      const bus = await context.connect({ words: queue(context.name(), { schema: type<string>() }) });
      const inbox = context.inbox<string>({ idOf: (word) => word });
      await bus.words.consume(inbox.handler);
      await bus.words.sendMany(['a', 'b']);
      await inbox.complete([{ id: 'b' }, { id: 'a' }], 'the words');
    }),
  );
  expect(result.state).toBe('pass');
});
