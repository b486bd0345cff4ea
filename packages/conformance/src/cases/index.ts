import { type Case, checkCases } from '../case.ts';
import { manifest } from './manifest.ts';
import { queueBasics } from './queue-basics.ts';
import { queueSettling } from './queue-settling.ts';
import { refusals } from './refusals.ts';
import { streamGroups } from './stream-groups.ts';
import { streamReading } from './stream-reading.ts';
import { topicBasics } from './topic-basics.ts';
import { topicDurable } from './topic-durable.ts';

let checked: readonly Case[] | undefined;

/** The whole suite, in the order of its groups. A file of cases is added here. */
export function allCases(): readonly Case[] {
  checked ??= checkCases(
    [
      queueBasics,
      queueSettling,
      topicBasics,
      topicDurable,
      streamReading,
      streamGroups,
      manifest,
      refusals,
    ].flat(),
  );
  return checked;
}
