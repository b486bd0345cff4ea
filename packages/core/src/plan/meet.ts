import { isGuaranteed, isOrdered, wantsDeadLetter } from '../destination/facts.ts';
import type { Destination } from '../destination/destination.ts';
import type { Needs } from '../destination/needs.ts';
import type { Axis, Capabilities, ChannelCapabilities } from '../driver/capabilities.ts';
import { byBroker, byNobody, byWaybill, type Met, type Plan, type PlanRow } from './plan.ts';
import { retryRow, servedSteps } from './steps.ts';

/** Strength, weakest first. A broker meets what is at most its own. */
const ladders = {
  delivery: ['at-most-once', 'at-least-once', 'exactly-once'],
  order: ['none', 'key', 'total'],
  seek: ['none', 'ends', 'position', 'timestamp'],
} as const;

/** What core can do when the broker cannot. Absent: then nobody can. */
const emulations: Partial<Record<Axis, (destination: Destination, channel: ChannelCapabilities) => Met>> = {
  delay: emulateDelay,
  ttl: () =>
    byWaybill('an expiry time checked before the handler', 'expired messages take up space until they are reached'),
  deadLetter: (destination, channel) =>
    isGuaranteed(destination, channel)
      ? byWaybill('a confirmed copy with the cause, then accept', 'a crash between the two leaves two copies')
      : byNobody('a message is settled before its handler runs', 'deadLetter: false'),
  pattern: () => byWaybill('chosen before the handler', 'messages that do not match travel all the same'),
  filter: () => byWaybill('chosen before the handler', 'messages that do not match travel all the same'),
};

function emulateDelay(destination: Destination, channel: ChannelCapabilities): Met {
  if (!isGuaranteed(destination, channel))
    return byNobody('nothing keeps a message until it is due', 'send it later yourself');
  if (isOrdered(destination))
    return byNobody('a delayed message leaves the order of its key', 'drop the order need, or use two destinations');
  return byWaybill('delay queues served by the consumers', 'needs a running consumer; late by some milliseconds');
}

/** Every need of one destination against one server. Pure; nothing is sent. */
export function meet(broker: string, capabilities: Capabilities, destination: Destination): Plan {
  const { name, kind } = destination;
  const row = (need: PlanRow['need'], wanted: unknown, met: Met): PlanRow => ({
    broker,
    destination: name,
    kind,
    need,
    wanted: String(wanted),
    met,
  });
  const channel = capabilities[kind];
  if (channel === 'none') return [row('kind', kind, byNobody(`it has no ${kind}s`, `route ${name} to another broker`))];
  const needs = effectiveNeeds(destination, channel);
  const rows = Object.entries(needs).map(([need, wanted]) =>
    row(need as Axis, wanted, meetOne(capabilities, destination, need as Axis, wanted)),
  );
  const clash = channel.excludes.find((pair) => pair.every((axis) => asked(needs, axis)));
  if (clash)
    rows.push(
      row(
        clash[1],
        needs[clash[1]],
        byNobody(`${clash[1]} and ${clash[0]} exclude each other there`, 'split the destination in two'),
      ),
    );
  const retry = retryRow(destination, channel);
  return retry ? [...rows, row('retry', retry.wanted, retry.met)] : rows;
}

/** What was asked for and what is the default, so that the plan leaves nothing unsaid. */
function effectiveNeeds(destination: Destination, channel: ChannelCapabilities): Needs {
  const needs: Needs = { delivery: 'at-least-once', ...destination.needs };
  return wantsDeadLetter(destination, channel) ? { ...needs, deadLetter: needs.deadLetter ?? true } : needs;
}
const asked = (needs: Needs, axis: Axis): boolean => needs[axis] !== undefined && needs[axis] !== 'none';

function meetOne(capabilities: Capabilities, destination: Destination, need: Axis, wanted: unknown): Met {
  const channel = capabilities[destination.kind] as ChannelCapabilities;
  if (wanted === 'exactly-once') return meetExactlyOnce(capabilities, destination);
  if (need === 'delivery' || need === 'order' || need === 'seek') return meetRank(channel, need, String(wanted));
  const has = nativeWord(channel, need);
  if (has !== 'none') return byBroker;
  if (need === 'group')
    return byNobody('it keeps no positions for consumer groups', 'read() and keep reader.positions yourself');
  if (wanted === 'native') return byNobody(`it has no ${need} of its own`, `${need}: true, which lets Waybill do it`);
  return (
    emulations[need]?.(destination, channel) ??
    byNobody(`it has no ${need}, and Waybill cannot stand in for it`, `a broker that has it, or no need for ${need}`)
  );
}

/**
 * Granted where a position and what a handler sends are stored together: then the effect of each message is there once.
 * What waits in delay queues has to have a position there too.
 */
function meetExactlyOnce(capabilities: Capabilities, destination: Destination): Met {
  const { atomic, queue } = capabilities;
  const channel = capabilities[destination.kind] as ChannelCapabilities;
  const ways = servedSteps(destination, channel).length > 0 ? [channel, queue] : [channel];
  if (atomic === 'position-and-send' && ways.every((way) => way !== 'none' && way.style === 'position'))
    return byBroker;
  return byNobody(
    'it cannot store, as one, that a message is done and what its handler sent',
    'delivery: "at-least-once" and a handler that may run twice, for example by storing the message id with its effect',
  );
}

function meetRank(channel: ChannelCapabilities, need: keyof typeof ladders, wanted: string): Met {
  const ladder: readonly string[] = ladders[need];
  const has = nativeWord(channel, need);
  return ladder.indexOf(has) >= ladder.indexOf(wanted)
    ? byBroker
    : byNobody(`the most it has is ${need} "${has}"`, has === 'none' ? `no need for ${need}` : `${need}: "${has}"`);
}

/** A broker's own dead letters are only a net under core's; prefixes are no patterns. */
function nativeWord(channel: ChannelCapabilities, need: Axis): string {
  const word: unknown = Object.hasOwn(channel, need) ? channel[need as keyof ChannelCapabilities] : 'none';
  return need === 'deadLetter' || word === 'prefix' ? 'none' : String(word);
}
