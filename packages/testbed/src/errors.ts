/** Every failure of the testbed: what failed, where, and what to do, on one line; lists and logs underneath. */
export class TestbedError extends Error {
  override readonly name = 'TestbedError';
}
