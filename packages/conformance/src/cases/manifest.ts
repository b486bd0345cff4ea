import type { Kind } from '@waybill/core';
import type { Capabilities, ChannelCapabilities, Limits } from '@waybill/core/driver';
import type { Case } from '../case.ts';
import type { Context } from '../context.ts';
import { brokerVocabulary, kinds, limitNames, vocabulary } from '../vocabulary.ts';
import { valueAt, wordsOf } from '../words.ts';
import { proveRefusal } from '../applies.ts';
import { destinationOf } from '../destination-of.ts';
import { caseOf } from './define.ts';

const define = caseOf({ requires: {} });

/** N01 and N09: what a driver says about itself is well-formed, true of this server, and never changes. */
export const manifest: readonly Case[] = [
  define({
    id: 'N01',
    title:
      'the manifest has every key and known words only, is frozen, and is the same before, during and after a link',
    traffic: 'none',
    run: manifestShape,
  }),
  define({
    id: 'N09',
    title: 'what this server lacks of what its driver can do is lowered at connect, and then refused',
    priority: 1,
    kind: 'refusal',
    traffic: 'none',
    run: lowered,
  }),
];

async function manifestShape(context: Context): Promise<void> {
  const driver = await context.driver();
  const before = JSON.stringify(driver.capabilities);
  checkShape(context, driver.capabilities, 'the driver');
  context.expect.equal(
    JSON.stringify((await context.driver()).capabilities),
    before,
    'another driver of the same broker',
  );
  const link = await driver.connect({ signal: context.signal, onBlocked: () => undefined });
  checkShape(context, link.capabilities, 'the link');
  const during = JSON.stringify(link.capabilities);
  const other = await context.link();
  context.expect.equal(JSON.stringify(other.capabilities), during, 'another link of the same broker');
  await link.close();
  context.expect.equal(JSON.stringify(link.capabilities), during, 'the link after it was closed');
  context.expect.equal(JSON.stringify(driver.capabilities), before, 'the driver after its link was closed');
  checkNotRaised(context, driver.capabilities, link.capabilities);
}

function checkShape({ expect }: Context, capabilities: Capabilities, whose: string): void {
  expect.deepEqual(
    Object.keys(capabilities).sort(),
    [...kinds, ...Object.keys(brokerVocabulary)].sort(),
    `the keys of ${whose}`,
  );
  expect.deepEqual(JSON.parse(JSON.stringify(capabilities)), capabilities, `${whose} survives JSON`);
  expect.ok(isDeeplyFrozen(capabilities), `the manifest of ${whose} must be frozen, all the way down`);
  for (const [name, words] of Object.entries(brokerVocabulary)) {
    const value = capabilities[name as keyof typeof brokerVocabulary];
    expect.ok(
      (words as readonly string[]).includes(value),
      `${name} of ${whose} is ${value}, not one of ${words.join(', ')}`,
    );
  }
  for (const kind of kinds) {
    const channel = capabilities[kind];
    if (channel !== 'none') checkChannel(expect, channel, vocabulary[kind], `${kind} of ${whose}`);
  }
}

function checkChannel(
  expect: Context['expect'],
  channel: ChannelCapabilities,
  words: Readonly<Record<string, readonly string[]>>,
  where: string,
): void {
  expect.deepEqual(
    Object.keys(channel).sort(),
    [...Object.keys(words), 'excludes', 'limits'].sort(),
    `the keys of ${where}`,
  );
  for (const [name, allowed] of Object.entries(words)) {
    const value = channel[name as Exclude<keyof ChannelCapabilities, 'excludes' | 'limits'>];
    expect.ok(allowed.includes(value), `${name} of ${where} is ${value}, not one of ${allowed.join(', ')}`);
  }
  expect.deepEqual(Object.keys(channel.limits).sort(), [...limitNames].sort(), `the limits of ${where}`);
  for (const name of limitNames) checkLimit(expect, channel.limits, name, where);
}

function checkLimit(expect: Context['expect'], limits: Limits, name: keyof Limits, where: string): void {
  const least = name === 'maxBytes' || name === 'maxBatch' ? 1 : 0;
  expect.between(limits[name], least, Number.MAX_SAFE_INTEGER, `${name} of ${where}`);
}

const isDeeplyFrozen = (value: unknown): boolean =>
  typeof value !== 'object' || value === null || (Object.isFrozen(value) && Object.values(value).every(isDeeplyFrozen));

/** Types are checked against the driver's words, so a server may have less, never more. */
function checkNotRaised({ expect }: Context, ceiling: Capabilities, here: Capabilities): void {
  for (const kind of kinds) {
    for (const [name, words] of Object.entries<readonly string[]>(vocabulary[kind])) {
      const [most, has] = [valueAt(ceiling, `${kind}.${name}`) ?? '', valueAt(here, `${kind}.${name}`)];
      if (has === undefined || name === 'style' || name === 'partial') continue;
      expect.ok(
        words.indexOf(has) <= words.indexOf(most),
        `${kind}.${name} of the link is ${has}, above the driver's ${most}`,
      );
    }
  }
}

const askable = {
  delay: 'native',
  ttl: 'native',
  priority: 'native',
  dedup: 'native',
  pattern: 'native',
  filter: 'native',
  group: 'native',
} as const;

async function lowered(context: Context): Promise<void> {
  const driver = await context.driver();
  const here = context.capabilities;
  const gone = kinds.filter((kind) => driver.capabilities[kind] !== 'none' && here[kind] === 'none');
  const isOfGone = (word: string): boolean => gone.some((kind) => word.startsWith(`${kind}.`));
  const lost = wordsOf(driver.capabilities).filter(
    (word) => !wordsOf(here).includes(word) && !word.includes('limits') && !isOfGone(word),
  );
  context.evidence('lowered here', [...gone, ...lost].join(', ') || 'nothing');
  context.expect.ok(
    lost.every((word) => wordsOf(context.capabilities).some((other) => other.startsWith(word.split('=')[0]!))),
    'what was lowered has another word',
  );
  for (const kind of gone) {
    const verdict = await proveRefusal(() => context.driver(), destinationOf(kind, context.name(kind), {}));
    context.expect.equal(
      verdict?.state,
      'refused',
      `asking this server for a ${kind}: ${verdict?.reason ?? 'accepted'}`,
    );
  }
  for (const word of lost) {
    const [kind, name] = word.split(/[.=]/) as [Kind, string];
    if (!Object.hasOwn(askable, name) || (kind === 'topic' && name === 'priority')) continue;
    const verdict = await proveRefusal(
      () => context.driver(),
      destinationOf(kind, context.name(name), { [name]: 'native' }),
    );
    context.expect.equal(verdict?.state, 'refused', `asking this server for ${word}: ${verdict?.reason ?? 'accepted'}`);
  }
}
