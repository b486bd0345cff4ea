import { describe, expect, it } from 'vitest';
import { check, explain, explainInMarkdown } from '../../src/history/index.ts';
import { story } from './story.ts';

const told = story()
  .ready()
  .publish('a')
  .publish('b', { key: 'k|1' })
  .event('parent', { type: 'fault.begin', fault: 'kill-1', kind: 'kill -9', scope: 'broker' })
  .event('parent', { type: 'fault.confirmed', fault: 'kill-1', evidence: 'pid 4711 gone | port refused' })
  .event('parent', { type: 'fault.healed', fault: 'kill-1' })
  .fail('a')
  .consume('a')
  .drained();
const verdict = check(
  told.history(),
  { delivery: 'at-least-once', order: 'none', minimum: { published: 5 } },
  { witnesses: 1 },
);

describe('explain', () => {
  it('prints a verdict for a terminal', () => {
    expect(explain(verdict).split('\n')).toEqual([
      'INVALID',
      '  run         story: 20 events of 3 processes in 0.2 s',
      '  published   2 messages: 2 confirmed, 0 failed, 0 unknown (0 seen, 0 not)',
      '  delivered   2 times: 1 handled, 1 failed',
      '  given up    0 dead-lettered, 0 expired, 0 dropped',
      '  came again  1: 1 handler-error',
      '  faults      1 × kill -9 (broker)',
      '    kill-1: kill -9; pid 4711 gone | port refused',
      '  doubt       2 messages confirmed, at least 5 are needed',
      '',
      '  lost × 1: confirmed, and neither handled nor given up, though nothing is left to come',
      '    b in orders: never delivered, depth 0 120 ms after its confirm; only earlier ones of its producer seen',
      '      +40.0 ms  producer  publish.invoke  message=b destination=orders key="k|1"',
      '      +50.0 ms  producer  publish.ok  message=b',
      '      +170.0 ms  parent  drain.end  depth=0',
      '',
    ]);
  });

  it('prints a verdict for a report', () => {
    expect(explainInMarkdown(verdict).split('\n')).toEqual([
      '**invalid**',
      '',
      '| | |',
      '|---|---|',
      '| run | story: 20 events of 3 processes in 0.2 s |',
      '| published | 2 messages: 2 confirmed, 0 failed, 0 unknown (0 seen, 0 not) |',
      '| delivered | 2 times: 1 handled, 1 failed |',
      '| given up | 0 dead-lettered, 0 expired, 0 dropped |',
      '| came again | 1: 1 handler-error |',
      '| faults | 1 × kill -9 (broker) |',
      '',
      '- Doubt: 2 messages confirmed, at least 5 are needed',
      '',
      '| fault | kind | target | began | lasted | evidence |',
      '|---|---|---|---|---|---|',
      '| kill-1 | kill -9 |  | +60 ms | 20 ms | pid 4711 gone \\| port refused |',
      '',
      '### lost × 1',
      '',
      'confirmed, and neither handled nor given up, though nothing is left to come.',
      '',
      '- b in orders: never delivered, depth 0 120 ms after its confirm; only earlier ones of its producer seen',
      '  ```',
      '  +40.0 ms  producer  publish.invoke  message=b destination=orders key="k|1"',
      '  +50.0 ms  producer  publish.ok  message=b',
      '  +170.0 ms  parent  drain.end  depth=0',
      '  ```',
      '',
    ]);
  });

  it('says how many it leaves out', () => {
    const ghosts = story().ready().publish('a').consume('a').consume('x').consume('y').consume('z').drained();
    const cut = check(ghosts.history(), { delivery: 'at-least-once', order: 'none' }, { witnesses: 1 });
    expect(explain(cut)).toContain('  phantom × 3: ');
    expect(explain(cut)).toContain('    and 2 more');
    expect(explainInMarkdown(cut)).toContain('- and 2 more');
  });
});
