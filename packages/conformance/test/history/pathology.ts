import type { AnomalyClass, Claim } from '../../src/history/index.ts';
import type { Story } from './story.ts';

export interface Pathology {
  readonly anomaly: AnomalyClass;
  readonly what: string;
  readonly claim?: Partial<Claim>;
  /** What the caught history cannot help showing too. */
  readonly besides?: Partial<Record<AnomalyClass, number>>;
  readonly clean: (s: Story) => Story;
  readonly caught: (s: Story) => Story;
  /** Looks like it, and the claim allows it. */
  readonly nearMiss: (s: Story) => Story;
}

export const BY_KEY = { order: 'key' } as const;
export const k = { key: 'k' };
export const audit = { subscription: 'audit' };

export function abc(s: Story): Story {
  return s.ready().publish('a', k).publish('b', k).publish('c', k);
}

/** Published side by side, so that either may be first. */
export function two(s: Story): Story {
  const confirm = (message: string) => ({ type: 'publish.ok', message }) as const;
  return s
    .ready()
    .ready('audit')
    .invoke('a')
    .invoke('b', {}, 'rival')
    .event('producer', confirm('a'))
    .event('rival', confirm('b'));
}

export function lane(s: Story): Story {
  return s
    .ready()
    .publish('a')
    .publish('b')
    .deliver('a', { lane: '0', position: '1' })
    .deliver('b', { lane: '0', position: '2' });
}

export function commit(through: string) {
  return { type: 'commit', subscription: 'orders', lane: '0', through, outcome: 'ok' } as const;
}

export function extended(s: Story): Story {
  return s
    .event('consumer', { type: 'settle.invoke', delivery: 1, settlement: 'extend' })
    .event('consumer', { type: 'settle.ok', delivery: 1, settlement: 'extend', leaseMs: 1_000 });
}

export function buried(s: Story, reason: 'attempts' | 'rejected'): Story {
  return s.event('parent', { type: 'dead-letter.read', message: 'a', subscription: 'orders', reason });
}

export function killed(s: Story, forMs: number): Story {
  return s
    .event('parent', { type: 'fault.begin', fault: 'kill-1', kind: 'kill -9', scope: 'broker' })
    .event('parent', { type: 'fault.confirmed', fault: 'kill-1', evidence: 'pid 4711 gone, port refused' })
    .wait(forMs)
    .event('parent', { type: 'fault.healed', fault: 'kill-1', evidence: 'round trip in 2 ms' });
}
