/**
 * The arms of a row run in turns of a fraction of a second, each in its own process, so that whatever drifts on the machine
 * reaches both alike. This resolves when it is our turn; without a harness at the other end it always is.
 */
export function ourTurn(): Promise<void> {
  if (process.send === undefined) return Promise.resolve();
  return new Promise((resolve) => {
    const leave = (): void => process.exit(1);
    process.once('disconnect', leave);
    process.once('message', () => {
      process.off('disconnect', leave);
      resolve();
    });
    process.send?.('idle');
  });
}

/** Where each turn's share of the messages ends. */
export const sharesOf = (messages: number, turns: number): readonly number[] =>
  Array.from({ length: turns }, (_, turn) => Math.round((messages * (turn + 1)) / turns));
