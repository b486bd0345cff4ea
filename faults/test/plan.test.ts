import { describe, expect, it } from 'vitest';
import { optionsFrom, UsageError } from '../src/options.ts';
import { windowsOf } from '../src/memory/windows.ts';
import { faultKinds, planOf } from '../src/plan.ts';

describe('the plan of faults', () => {
  it('is the same for the same seed, and another for another', () => {
    const amounts = { brokerKills: 10, consumerKills: 10 };
    expect(planOf(7, amounts)).toEqual(planOf(7, amounts));
    expect(planOf(8, amounts)).not.toEqual(planOf(7, amounts));
  });

  it('has the kills that were asked for, every other fault, and a quarter of calm', () => {
    const plan = planOf(1, { brokerKills: 10, consumerKills: 10 });
    const count = (kind: string | undefined): number => plan.filter((fault) => fault?.kind === kind).length;
    expect(count('broker-kill')).toBe(10);
    expect(count('consumer-kill')).toBe(10);
    expect(plan.map((fault) => fault?.kind)).toEqual(expect.arrayContaining([...faultKinds]));
    expect(count(undefined) / plan.length).toBeCloseTo(0.25, 1);
    expect([plan[0], plan.at(-1)]).toEqual([undefined, undefined]);
  });

  it('in memory: each fault by chance, and the cuts that were asked for', () => {
    const kinds = windowsOf(1, 4).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'cut')).toHaveLength(4);
    expect(kinds).toEqual(expect.arrayContaining(['dropConfirm', 'refuseSend', 'duplicate', 'delay', 'failSettle']));
  });
});

describe('the options', () => {
  it('have defaults, and smaller ones for a short run', () => {
    expect(optionsFrom(['rabbitmq'])).toMatchObject({
      line: '4.3',
      messages: 100_000,
      brokerKills: 10,
      consumerKills: 10,
    });
    expect(optionsFrom(['memory', '--short', '--seed', '5'])).toMatchObject({
      messages: 5_000,
      brokerKills: 3,
      seed: 5,
    });
    expect(optionsFrom(['rabbitmq', '--line', '3.10', '--report', 'a/b.md']).report).toBe('a/b');
  });

  it.each([
    [[], 'which broker'],
    [['rabbit'], 'which broker'],
    [['memory', 'rabbitmq'], 'which broker'],
    [['rabbitmq', '--line', '3.9'], '--line 3.9'],
    [['rabbitmq', '--messages', 'many'], '--messages many'],
    [['rabbitmq', '--broker-kills', '0'], '--broker-kills 0'],
    [['rabbitmq', '--loud'], '--loud'],
  ])('refuse %j', (given, what) => {
    expect(() => optionsFrom(given)).toThrow(UsageError);
    expect(() => optionsFrom(given)).toThrow(what);
  });
});
