import { WaybillError } from '@waybill/core/driver';

/** As scripts tell it: entries that others removed, which nobody had read, and which a consumer held. */
export type Removed = readonly [unread: number, held: number];

/** What a consumer says of it, once; it goes on with what is left. Nothing where nothing is missing. */
export function removal(stream: string, [unread, held]: Removed): WaybillError | undefined {
  if (unread + held === 0) return undefined;
  const what = [
    ...(unread > 0 ? [`${unread} that nobody had read`] : []),
    ...(held > 0 ? [`${held} that a consumer held`] : []),
  ];
  return new WaybillError(
    'not-found',
    `Messages of ${stream} were removed by somebody else before they were settled: ${what.join(', and ')}; what is left is consumed. See who trims or deletes there: XTRIM, XDEL, XADD with MAXLEN or MINID`,
  );
}
