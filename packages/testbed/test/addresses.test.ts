import { expect, test } from 'vitest';
import { firstAddress, joinUrls, urlOf } from '../src/addresses.ts';

test('a URL of several servers is taken apart and put together', () => {
  const urls = [4001, 4002, 4003].map((port) =>
    urlOf('kafka', `127.0.0.1:${port}`, { name: 'a,b', password: 'c:1,d/' }),
  );
  const joined = joinUrls(urls);
  expect(joined).toBe('kafka://a%2Cb:c%3A1%2Cd%2F@127.0.0.1:4001,127.0.0.1:4002,127.0.0.1:4003');
  expect(firstAddress(joined)).toMatchObject({ host: '127.0.0.1:4001', username: 'a%2Cb', password: 'c%3A1%2Cd%2F' });
});

test('a URL of one server is its own first address, and what is none has none', () => {
  expect(firstAddress('redis://localhost:6379/1')?.href).toBe('redis://localhost:6379/1');
  expect(firstAddress('localhost')).toBeUndefined();
});
