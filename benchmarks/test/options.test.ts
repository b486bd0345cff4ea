import { expect, test } from 'vitest';
import { readOptions } from '../src/options.ts';

test('a broker alone is a full session of all rows', () => {
  expect(readOptions(['memory'])).toEqual({ broker: 'memory', isQuick: false, isProfile: false, isFromSources: false });
});

test('every option is understood', () => {
  const all = [
    'rabbitmq',
    '--pairs',
    '4',
    '--messages',
    '5000',
    '--only',
    'consume',
    '--quick',
    '--out',
    'a.md',
    '--profile',
    '--sources',
  ];
  expect(readOptions(all)).toEqual({
    broker: 'rabbitmq',
    pairs: 4,
    messages: 5000,
    only: 'consume',
    isQuick: true,
    out: 'a.md',
    isProfile: true,
    isFromSources: true,
  });
});

test.each([
  [[], 'Say which broker'],
  [['rabbit'], 'not "rabbit"'],
  [['memory', 'rabbitmq'], 'not "memory rabbitmq"'],
  [['memory', '--pairs', 'many'], '--pairs is "many"'],
  [['memory', '--pairs', '0'], '--pairs is "0"'],
  [['memory', '--messages', '3'], '100 or more'],
  [['memory', '--fast'], '--fast'],
])('%j is refused with one clear error', (args, message) => {
  expect(() => readOptions(args)).toThrow(message);
});
