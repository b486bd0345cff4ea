/** Sends the indexes from `first` on, `width` of them at any time: each lane goes on when its message has its outcome. */
export async function inLanes(
  first: number,
  count: number,
  width: number,
  send: (index: number) => Promise<unknown>,
): Promise<void> {
  let next = first;
  const end = first + count;
  const lane = async (): Promise<void> => {
    while (next < end) await send(next++);
  };
  await Promise.all(Array.from({ length: width }, lane));
}

/** Sends arrays of at most `size` messages, one call after the other. */
export async function inArrays(
  first: number,
  count: number,
  size: number,
  send: (first: number, count: number) => Promise<unknown>,
): Promise<void> {
  for (let sent = 0; sent < count; sent += size) await send(first + sent, Math.min(size, count - sent));
}
