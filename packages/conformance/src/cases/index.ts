import { type Case, checkCases } from '../case.ts';
import { queueBasics } from './queue-basics.ts';
import { queueSettling } from './queue-settling.ts';

let checked: readonly Case[] | undefined;

/** The whole suite, in the order of its groups. A file of cases is added here. */
export function allCases(): readonly Case[] {
  checked ??= checkCases(
    [
      queueBasics,
      queueSettling,
    ].flat(),
  );
  return checked;
}
