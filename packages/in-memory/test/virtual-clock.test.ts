import { virtualClock } from '@waybill/in-memory';
import { describe, expect, it } from 'vitest';
import { Agenda } from '../src/agenda.ts';

describe('a virtual clock', () => {
  it('stands still until it is moved', async () => {
    const clock = virtualClock(1000);
    expect(clock.now()).toBe(1000);
    await clock.advance(500);
    expect(clock.now()).toBe(1500);
  });

  it('runs timers at their time, in order, those of one time in the order of setting', async () => {
    const clock = virtualClock(0);
    const seen: string[] = [];
    const note = (name: string) => () => seen.push(`${name} at ${clock.now()}`);
    clock.after(20, note('c'));
    clock.after(10, note('a'));
    clock.after(10, note('b'));
    clock.after(21, note('d'));
    await clock.advance(20);
    expect(seen).toEqual(['a at 10', 'b at 10', 'c at 20']);
    expect(clock.now()).toBe(20);
  });

  it('lets promises, immediates and new timers of one timer run before the next', async () => {
    const clock = virtualClock(0);
    const seen: string[] = [];
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    const react = async () => {
      await turn();
      await turn();
      seen.push(`late consequence at ${clock.now()}`);
      clock.after(5, () => seen.push(`new timer at ${clock.now()}`));
    };
    clock.after(10, () => void react());
    clock.after(20, () => seen.push(`second at ${clock.now()}`));
    await clock.advance(20);
    expect(seen).toEqual(['late consequence at 10', 'new timer at 15', 'second at 20']);
  });

  it('does not run what was cancelled, and counts what waits', async () => {
    const clock = virtualClock();
    const seen: string[] = [];
    const timer = clock.after(10, () => seen.push('cancelled'));
    clock.after(10, () => seen.push('kept'));
    expect(clock.pending).toBe(2);
    timer.cancel();
    timer.cancel();
    expect(clock.pending).toBe(1);
    await clock.advance(10);
    timer.cancel();
    expect(seen).toEqual(['kept']);
    expect(clock.pending).toBe(0);
  });

  it('advances one call after the other', async () => {
    const clock = virtualClock(0);
    await Promise.all([clock.advance(10), clock.advance(5)]);
    expect(clock.now()).toBe(15);
  });

  it('shows what a timer throws, and goes on', async () => {
    const clock = virtualClock(0);
    clock.after(1, () => {
      throw new Error('in a timer');
    });
    await expect(clock.advance(2)).rejects.toThrow('in a timer');
    await clock.advance(1);
    expect(clock.now()).toBe(2);
  });

  it.each([-1, Number.NaN, Infinity])('refuses to advance by %s', async (ms) => {
    await expect(virtualClock().advance(ms)).rejects.toMatchObject({ code: 'invalid' });
  });
});

describe('the agenda of a broker', () => {
  it('keeps one timer for all it has to do, for times beyond what a timer can wait', async () => {
    const clock = virtualClock(0);
    const agenda = new Agenda(clock);
    const seen: number[] = [];
    const month = 40 * 86_400_000;
    for (const ms of [month, 30, 10, 20]) agenda.after(ms, () => seen.push(ms));
    agenda.cancel(agenda.after(5, () => seen.push(5)));
    expect(clock.pending).toBe(1);
    await clock.advance(month);
    expect(seen).toEqual([10, 20, 30, month]);
    expect(clock.pending).toBe(0);
  });

  it('forgets thousands of cancelled entries, and runs the rest', async () => {
    const clock = virtualClock(0);
    const agenda = new Agenda(clock);
    let ran = 0;
    const alarms = Array.from({ length: 5000 }, (_, index) => agenda.after(1 + (index % 7), () => (ran += 1)));
    for (const [index, alarm] of alarms.entries()) if (index % 10 !== 0) agenda.cancel(alarm);
    await clock.advance(10);
    expect(ran).toBe(500);
  });

  it('does nothing while it is paused, and what fell due afterwards', async () => {
    const clock = virtualClock(0);
    const agenda = new Agenda(clock);
    const seen: string[] = [];
    agenda.after(10, () => seen.push('a'));
    agenda.pause();
    expect(clock.pending).toBe(0);
    await clock.advance(20);
    expect(seen).toEqual([]);
    agenda.resume();
    expect(seen).toEqual(['a']);
  });
});
