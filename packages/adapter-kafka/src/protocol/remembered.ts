import type { Settings } from '../options.ts';
import type { MemberSpec } from '../wire.ts';

/** Who a member is when it asks to join. */
export interface Membership {
  readonly memberId: string;
  /** Negative: of none. A number that the group has not heard makes it share out anew, so that what we asked before is void. */
  readonly generation: number;
}
export const stranger: Membership = { memberId: '', generation: -1 };

/** By driver, then by group and topic. */
const lost = new WeakMap<Settings, Map<string, string[]>>();
let rejoins = 0;

const nameOf = ({ group, topic }: MemberSpec): string => `${group} ${topic}`;

/** It could not leave its group, which waits for it until its session ends: whoever comes next may be it again. */
export function remember(settings: Settings, spec: MemberSpec, memberId: string): void {
  const known = lost.get(settings) ?? new Map<string, string[]>();
  lost.set(settings, known.set(nameOf(spec), [...(known.get(nameOf(spec)) ?? []), memberId]));
}

/** Who was lost here and not yet found. */
export function recall(settings: Settings, spec: MemberSpec): Membership {
  const memberId = lost.get(settings)?.get(nameOf(spec))?.shift();
  return memberId === undefined ? stranger : { memberId, generation: stranger.generation - ++rejoins };
}
