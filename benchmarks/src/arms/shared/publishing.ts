import type { Assignment, Measured } from './measured.ts';
import { Meter } from './meter.ts';
import { ourTurn, sharesOf } from './turns.ts';

/** Measures an arm that publishes. `send` resolves when so many, from `first` on, are stored. */
export async function measurePublishing(
  { warmUp, messages, turns = 1 }: Assignment,
  send: (first: number, count: number) => Promise<void>,
  turn = ourTurn,
): Promise<Measured> {
  await send(0, warmUp);
  const meter = new Meter();
  let sent = 0;
  for (const share of sharesOf(messages, turns)) {
    await turn();
    meter.start();
    await send(warmUp + sent, share - sent);
    meter.pause();
    sent = share;
  }
  await turn();
  return meter.stop(messages);
}
