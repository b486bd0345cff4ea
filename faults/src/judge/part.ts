import type { History, HistoryEvent } from '@waybill/conformance/history';
import { destinationOf, type Place, placeOfId } from '../load/destinations.ts';

/** What concerns one destination, and what concerns everybody: each destination is judged by its own claim. */
export function partOf(history: History, place: Place): History {
  return {
    headers: history.headers,
    torn: history.torn,
    *[Symbol.iterator]() {
      for (const event of history) {
        const concerned = placeOfEvent(event);
        if (concerned === undefined || concerned === place) yield event;
      }
    },
  };
}

/** A delivery counts where it was handed out, a publish where it was meant to go: so a stray shows as both. */
function placeOfEvent(event: HistoryEvent): Place | undefined {
  if ('delivery' in event) return placeOfId(String(event.delivery));
  if ('subscription' in event && event.subscription !== undefined) return destinationOf(event.subscription);
  if ('message' in event) return placeOfId(event.message);
  return undefined;
}
