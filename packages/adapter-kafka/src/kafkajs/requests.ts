import type { AnswerTo, RequestName, Requests } from '../library.ts';
import { adminRequests } from './admin-requests.ts';
import type { Exchanges } from './exchange.ts';
import { groupRequests } from './group-requests.ts';
import type { Exchange } from './internals.ts';
import { logRequests } from './log-requests.ts';

const exchanges: Exchanges<RequestName> = { ...adminRequests, ...logRequests, ...groupRequests };

export const exchangeOf = <Name extends RequestName>(
  name: Name,
  ...args: Parameters<Requests[Name]>
): Exchange<AnswerTo<Name>> => exchanges[name](...args);
