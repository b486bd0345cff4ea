import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { memoryBroker } from '@waybill/in-memory';
import { expect, it, onTestFinished } from 'vitest';
import { connect, queue, type } from '../../src/index.ts';
import { bench } from '../support.ts';
import { judged } from './judge.ts';

const jobs = queue('jobs', { schema: type<number>() });
/** What the types refuse, as JavaScript can write it. */
const loosely =
  (where: unknown, destinations: unknown = { jobs }, options?: unknown): (() => unknown) =>
  () =>
    connect(where as string, destinations as never, options as never);

it('where', async () => {
  expect(
    await judged({
      nothing: loosely(undefined),
      null: loosely(null),
      'a number': loosely(5672),
      'an empty text': loosely(''),
      'a host without a scheme': loosely('localhost'),
      'a host with a port': loosely('localhost:5672'),
      'credentials without a scheme': loosely('user:secret@localhost'),
      'an unknown scheme': loosely('kafak://localhost'),
      'a near miss': loosely('ampq://user:secret@localhost'),
      'a name that memory cannot have': loosely('memory://a/b?c'),
      'an object that is no driver': loosely({ connect() {} }),
      'routes without a default': loosely({ routes: {} }),
      'an unknown word beside the routes': loosely({ default: 'memory:', route: {} }),
      'a route for an unknown destination': loosely({ default: 'memory:', routes: { job: 'memory:' } }),
      'a route to nothing': loosely({ default: 'memory:', routes: { jobs: undefined } }),
      'routes in a list': loosely({ default: 'memory:', routes: ['memory:'] }),
    }),
  ).toMatchInlineSnapshot(`
    "
    nothing
      invalid: connect takes a URL like "amqp://localhost" or "memory:", a driver like rabbitmq({ … }), or { default, routes }
    null
      invalid: connect takes a URL like "amqp://localhost" or "memory:", a driver like rabbitmq({ … }), or { default, routes }
    a number
      invalid: connect takes a URL like "amqp://localhost" or "memory:", a driver like rabbitmq({ … }), or { default, routes }
    an empty text
      invalid: connect: "" is no URL; it begins with a scheme, like amqp://localhost or memory:
    a host without a scheme
      invalid: connect: "localhost" is no URL; it begins with a scheme, like amqp://localhost or memory:
    a host with a port
      invalid: connect: no adapter speaks "localhost:"; there are: memory, amqp, amqps, kafka, kafka+tls, nats, nats+tls, redis, rediss
    credentials without a scheme
      invalid: connect: no adapter speaks "user:"; there are: memory, amqp, amqps, kafka, kafka+tls, nats, nats+tls, redis, rediss
    an unknown scheme
      invalid: connect: no adapter speaks "kafak:"; did you mean "kafka"?
    a near miss
      invalid: connect: no adapter speaks "ampq:"; did you mean "amqp"?
    a name that memory cannot have
      invalid: "memory://a/b?c" is no URL of an in-memory broker; write memory: or memory:name, with letters, digits, ".", "-" and "_"
    an object that is no driver
      invalid: connect takes a URL like "amqp://localhost" or "memory:", a driver like rabbitmq({ … }), or { default, routes }
    routes without a default
      invalid: connect takes a URL like "amqp://localhost" or "memory:", a driver like rabbitmq({ … }), or { default, routes }
    an unknown word beside the routes
      invalid: connect: there is no option "route"; did you mean "routes"?
    a route for an unknown destination
      invalid: connect: there is a route for "job", but no destination of that name; did you mean "jobs"?
    a route to nothing
      invalid: connect takes a URL like "amqp://localhost" or "memory:", a driver like rabbitmq({ … }), or { default, routes }
    routes in a list
      invalid: connect: routes must be an object of URLs or drivers by destination, not an array
    "
  `);
});

it('an adapter that is not installed', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'waybill-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  await cp(fileURLToPath(new URL('../../src', import.meta.url)), join(directory, 'core'), { recursive: true });
  const program = join(directory, 'program.ts');
  await writeFile(
    program,
    `import { connect } from './core/index.ts';
    await connect('amqp://user:secret@localhost', {}).catch(({ code, message }) => console.log(code + ': ' + message));`,
  );
  const { stdout } = await promisify(execFile)(process.execPath, [program], { cwd: directory });
  expect(stdout.trim()).toMatchInlineSnapshot(
    `"not-found: connect: the adapter @waybill/adapter-rabbitmq is not installed; run: npm install @waybill/adapter-rabbitmq"`,
  );
});

it('configuration files', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'waybill-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const from = (name: string, content?: string) => async (): Promise<unknown> => {
    const file = join(directory, name);
    if (content !== undefined) await writeFile(file, content);
    return connect(pathToFileURL(file), { jobs });
  };
  const said = await judged({
    missing: from('missing.json'),
    'no JSON': from('text.json', 'default: memory'),
    'no default': from('empty.json', '{}'),
    'a list': from('list.json', '["memory:"]'),
    'a typo': from('typo.json', '{ "default": "memory:", "rotes": {} }'),
    'a broker that is no URL': from('number.json', '{ "default": 5 }'),
    'a route for nobody': from('route.json', '{ "default": "memory:", "routes": { "clicks": "memory:" } }'),
  });
  expect(said.replaceAll(directory, '<directory>')).toMatchInlineSnapshot(`
    "
    missing
      invalid: the configuration file://<directory>/missing.json cannot be read: Error: ENOENT: no such file or directory, open '<directory>/missing.json'
    no JSON
      invalid: the configuration file://<directory>/text.json cannot be read: SyntaxError: Unexpected token 'd', "default: memory" is not valid JSON
    no default
      invalid: the configuration file://<directory>/empty.json must be { "default": <url>, "routes": { <destination>: <url> } }
    a list
      invalid: the configuration file://<directory>/list.json must be { "default": <url>, "routes": { <destination>: <url> } }
    a typo
      invalid: connect: there is no option "rotes"; did you mean "routes"?
    a broker that is no URL
      invalid: connect takes a URL like "amqp://localhost" or "memory:", a driver like rabbitmq({ … }), or { default, routes }
    a route for nobody
      invalid: connect: there is a route for "clicks", but no destination of that name; there are: jobs
    "
  `);
});

it('destinations', async () => {
  expect(
    await judged({
      nothing: () => (connect as (where: string) => unknown)('memory:'),
      null: loosely('memory:', null),
      'a list': loosely('memory:', [jobs]),
      'one without a name of its own': loosely('memory:', jobs),
      'a text': loosely('memory:', { jobs: 'jobs' }),
      'an object of one’s own': loosely('memory:', { jobs: { kind: 'queue', name: 'jobs' } }),
      'a kind that does not exist': loosely('memory:', { jobs: { ...jobs, kind: 'table' } }),
      'a word of the bus': loosely('memory:', { close: jobs }),
      'two of one name': loosely('memory:', { one: jobs, two: queue('jobs', { schema: type<string>() }) }),
    }),
  ).toMatchInlineSnapshot(`
    "
    nothing
      invalid: connect takes its destinations as an object: connect(url, { orders })
    null
      invalid: connect takes its destinations as an object: connect(url, { orders })
    a list
      invalid: connect takes its destinations as an object: connect(url, { orders })
    one without a name of its own
      invalid: connect takes its destinations by name: connect(url, { orders })
    a text
      invalid: connect: jobs: "jobs" is no destination; make it with queue(), topic() or stream()
    an object of one’s own
      invalid: connect: jobs: an object is no destination; make it with queue(), topic() or stream()
    a kind that does not exist
      invalid: connect: jobs: an object is no destination; make it with queue(), topic() or stream()
    a word of the bus
      invalid: connect: a destination cannot be called "close", which is a word of the bus itself; give it another property name
    two of one name
      invalid: connect: two destinations are called queue jobs; one name is one place
    "
  `);
});

it('options', async () => {
  const withOptions = (options: unknown): (() => unknown) => loosely('memory:', { jobs }, options);
  expect(
    await judged({
      null: withOptions(null),
      'an unknown option': withOptions({ timeout: 5 }),
      'a near miss': withOptions({ sendTimeout: 5000 }),
      'an unknown word': withOptions({ topology: 'creates' }),
      'seconds for milliseconds': withOptions({ connectTimeoutMs: 10 }),
      'longer than a year': withOptions({ sendTimeoutMs: 1e12 }),
      'a text for a time': withOptions({ sendTimeoutMs: '30s' }),
      'no window': withOptions({ window: 0 }),
      'half a window': withOptions({ window: 2.5 }),
      'middleware that is none': withOptions({ middleware: ['log'] }),
      'middleware without a list': withOptions({ middleware: () => {} }),
      'observe that is no function': withOptions({ observe: console }),
      'a clock that is none': withOptions({ clock: {} }),
      'a clock that is null': withOptions({ clock: null }),
    }),
  ).toMatchInlineSnapshot(`
    "
    null
      invalid: connect options: the options must be an object, not null
    an unknown option
      invalid: connect options: there is no option "timeout"; there are: topology, connectTimeoutMs, sendTimeoutMs, resend, window, maxWaiting, middleware, observe, clock
    a near miss
      invalid: connect options: there is no option "sendTimeout"; did you mean "sendTimeoutMs"?
    an unknown word
      invalid: connect options: topology must be "create", "verify" or "assume", not "creates"
    seconds for milliseconds
      invalid: connect options: connectTimeoutMs is 10 milliseconds; give at least 100. Was it meant in seconds? Then write 10000
    longer than a year
      invalid: connect options: sendTimeoutMs is 1000000000000 milliseconds, which is above a year; give less
    a text for a time
      invalid: connect options: sendTimeoutMs must be a number of milliseconds, 0 or more, not "30s"
    no window
      invalid: connect options: window must be a whole number above 0, not 0
    half a window
      invalid: connect options: window must be a whole number above 0, not 2.5
    middleware that is none
      invalid: connect options: middleware holds "log" at 0; each must be a function (delivery, next) => next()
    middleware without a list
      invalid: connect options: middleware must be an array of functions (delivery, next) => next(), not a function
    observe that is no function
      invalid: connect options: observe must be a function, not an object
    a clock that is none
      invalid: connect options: clock must be a clock: { now, after }, not an object
    a clock that is null
      invalid: connect options: clock must be a clock: { now, after }, not null
    "
  `);
});

it('a bus, and what is attached to it', async () => {
  const { bus } = await bench({ jobs });
  const attach = bus.attach as (destination?: unknown, on?: unknown) => unknown;
  expect(
    await judged({
      nothing: () => attach(),
      'a text': () => attach('jobs'),
      'an object of one’s own': () => attach({ kind: 'queue', name: 'x' }),
      'like what is not there': () => attach(queue('late'), { like: 'news' }),
      'on without like': () => attach(queue('late'), {}),
      'the connection of what is not there': () => bus.native('news'),
      'a ping with a signal that is none': () => bus.ping({ signal: 'now' as never }),
    }),
  ).toMatchInlineSnapshot(`
    "
    nothing
      invalid: attach: undefined is no destination; make it with queue(), topic() or stream()
    a text
      invalid: attach: "jobs" is no destination; make it with queue(), topic() or stream()
    an object of one’s own
      invalid: attach: an object is no destination; make it with queue(), topic() or stream()
    like what is not there
      invalid: there is no destination "news" on this bus; there are: jobs
    on without like
      invalid: there is no destination "undefined" on this bus; there are: jobs
    the connection of what is not there
      invalid: there is no destination "news" on this bus; there are: jobs
    a ping with a signal that is none
      invalid: ping: signal must be an AbortSignal, not "now"
    "
  `);
});

it('a broker that refuses, is not there, or never answers', async () => {
  const { driver } = await bench({ jobs });
  const failing = (code: 'denied' | 'unavailable' | 'protocol', error: Error) => () =>
    connect(
      { ...driver, name: 'rabbitmq', connect: () => Promise.reject(error), classify: () => code },
      { jobs },
      { connectTimeoutMs: 200, observe: () => {} },
    );
  const paused = memoryBroker();
  paused.faults.pause();
  const said = await judged({
    'refused credentials': failing(
      'denied',
      new Error('403 (ACCESS-REFUSED) with message "ACCESS_REFUSED - Login was refused"'),
    ),
    'an unreachable host': failing('unavailable', new Error('connect ECONNREFUSED 127.0.0.1:5672')),
    'another protocol': failing('protocol', new Error('Expected ConnectionStart; got HTTP/1.1 400')),
    'no answer at all': () => connect(paused.driver(), { jobs }, { connectTimeoutMs: 200, observe: () => {} }),
  });
  expect(said).toMatchInlineSnapshot(`
    "
    refused credentials
      denied: cannot connect to rabbitmq: Error: 403 (ACCESS-REFUSED) with message "ACCESS_REFUSED - Login was refused"; check user name, password and permissions
    an unreachable host
      unavailable: no connection to rabbitmq: Error: connect ECONNREFUSED 127.0.0.1:5672; check that the broker runs and can be reached
    another protocol
      protocol: cannot connect to rabbitmq: Error: Expected ConnectionStart; got HTTP/1.1 400
    no answer at all
      unavailable: no connection to memory; check that the broker runs and can be reached
    "
  `);
});
