import { type Case, checkCases } from '../case.ts';
import { queueBasics } from './queue-basics.ts';

let checked: readonly Case[] | undefined;

/** The whole suite, in the order of its groups. A file of cases is added here. */
export function allCases(): readonly Case[] {
  checked ??= checkCases(
    [
      queueBasics,
    ].flat(),
  );
  return checked;
}
