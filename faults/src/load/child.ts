// One process of the load: `child.ts '<ChildSetup as JSON>'`, started by the parent with a channel between them.
import { type HistoryWriter, openHistory } from '@waybill/conformance/history';
import { loadBroker } from '../brokers/load-broker.ts';
import { type DeathPoint, startConsumer } from './consumer.ts';
import { machineClock } from '../machine-clock.ts';
import { type ChildSetup, type Order, type Report, sendTimeoutMs } from './messages.ts';
import { type LoadBus, openLoadBus } from './load-bus.ts';
import { startProducer } from './producer.ts';
import { observerOf, type Watcher } from './recorder.ts';

const setup = JSON.parse(process.argv[2] ?? '{}') as ChildSetup;
const { name, run, directory } = setup;

function say(report: Report): void {
  process.send?.(report);
}

const watcher: Watcher = {
  link: (state) => say({ report: 'link', state }),
  live: (subscription) => say({ report: 'live', subscription }),
  progress: (begun, concluded) => say({ report: 'progress', begun, concluded }),
};

/** Nobody tells it what to do any more. */
const orphaned = (): void => process.exit(1);
process.on('disconnect', orphaned);

const stopped = new Promise<void>((resolve) => listen('stop', () => resolve()));

function listen<Kind extends Order['order']>(kind: Kind, act: (order: Extract<Order, { order: Kind }>) => void): void {
  process.on('message', (message: Partial<Order>) => {
    if (message.order === kind) act(message as Extract<Order, { order: Kind }>);
  });
}

async function open(history: HistoryWriter): Promise<LoadBus> {
  const observe = observerOf(history, watcher, setup.reader);
  const { driver } = await loadBroker(setup.broker);
  return openLoadBus(driver(setup), setup.places, {
    observe,
    sendTimeoutMs,
    connectTimeoutMs: 60_000,
  });
}

async function produce(bus: LoadBus, history: HistoryWriter): Promise<void> {
  const producer = startProducer({ ...setup, bus, history, watcher });
  listen('grant', ({ upTo }) => producer.grant(upTo));
  say({ report: 'ready' });
  await producer.finished;
  await stopped;
}

async function consume(bus: LoadBus, history: HistoryWriter): Promise<void> {
  let deadly: DeathPoint | undefined;
  const die = (): void => void process.kill(process.pid, 'SIGKILL');
  const passing = (point: DeathPoint): void => {
    if (point === deadly) die();
  };
  listen('die', ({ at }) => (at === 'anywhere' ? die() : (deadly = at)));
  const consumer = await startConsumer({ ...setup, bus, history, passing });
  say({ report: 'ready' });
  await stopped;
  await consumer.stop();
}

const history = openHistory({ directory, run, process: name, now: machineClock });
const bus = await open(history);
await (setup.role === 'producer' ? produce(bus, history) : consume(bus, history));
await bus.close();
history.close();
process.off('disconnect', orphaned);
process.disconnect();
