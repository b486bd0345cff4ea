import { BY_KEY, commit, extended, k, lane, type Pathology } from './pathology.ts';

/** How often a message comes: too often, too early, or not at all. */
export const DELIVERY_PATHOLOGIES: readonly Pathology[] = [
  {
    anomaly: 'lost',
    what: 'a confirmed message that nobody gets though the queue is empty',
    clean: (s) => s.ready().publish('a').publish('b').consume('a').consume('b').drained(),
    caught: (s) => s.ready().publish('a').publish('b').consume('a').drained(),
    nearMiss: (s) =>
      s
        .ready()
        .publish('a')
        .invoke('b')
        .event('producer', { type: 'publish.unknown', message: 'b' })
        .consume('a')
        .drained(),
  },
  {
    anomaly: 'lost',
    what: 'a message that failed and never came again',
    clean: (s) => s.ready().publish('a').publish('b').fail('a').consume('a').consume('b').drained(),
    caught: (s) => s.ready().publish('a').publish('b').fail('a').consume('b').drained(),
    nearMiss: (s) =>
      s
        .ready()
        .publish('a')
        .publish('b')
        .deliver('a')
        .handled('a', 'error')
        .settle('a', 'reject')
        .consume('b')
        .event('parent', { type: 'dead-letter.read', message: 'a', subscription: 'orders' })
        .drained(),
  },
  {
    anomaly: 'lost',
    what: 'a message that one of two subscriptions never gets',
    clean: (s) => s.ready().ready('audit').publish('a').consume('a').consume('a', { subscription: 'audit' }).drained(),
    caught: (s) =>
      s
        .ready()
        .ready('audit')
        .publish('a')
        .publish('b')
        .consume('a')
        .consume('a', { subscription: 'audit' })
        .consume('b')
        .drained(),
    nearMiss: (s) =>
      s
        .ready()
        .ready('audit')
        .publish('a', { expect: ['orders'] })
        .consume('a')
        .drained(),
  },
  {
    anomaly: 'lost',
    what: 'a hole in a key, though the depth is not known',
    claim: BY_KEY,
    clean: (s) => s.ready().publish('a', k).publish('b', k).consume('a').consume('b').drained(null),
    caught: (s) => s.ready().publish('a', k).publish('b', k).consume('b').drained(null),
    nearMiss: (s) =>
      s
        .ready()
        .publish('a', { ...k, expiresAfterMs: 5 })
        .publish('b', k)
        .consume('b')
        .drained(null),
  },
  {
    anomaly: 'lost',
    what: 'a message lost under at-most-once without any fault',
    claim: { delivery: 'at-most-once' },
    clean: (s) => s.ready().publish('a').publish('b').consume('a').consume('b').drained(),
    caught: (s) => s.ready().publish('a').publish('b').consume('a').drained(),
    nearMiss: (s) =>
      s
        .ready()
        .publish('a')
        .publish('b')
        .event('consumer', { type: 'connection.down' })
        .event('consumer', { type: 'connection.up' })
        .consume('a')
        .drained(),
  },
  {
    anomaly: 'acked-unhandled',
    what: 'accepted while the handler still runs',
    clean: (s) => s.ready().publish('a').deliver('a').handled('a').settle('a', 'accept').drained(),
    caught: (s) => s.ready().publish('a').deliver('a').settle('a', 'accept').handled('a').drained(),
    nearMiss: (s) => s.ready().publish('a').deliver('a').settle('a', 'accept', 'lost').handled('a').drained(),
  },
  {
    anomaly: 'acked-unhandled',
    what: 'a commit past a delivery that is not done',
    clean: (s) => lane(s).handled('b').handled('a').event('consumer', commit('2')).drained(),
    caught: (s) => lane(s).handled('b').event('consumer', commit('2')).handled('a').drained(),
    nearMiss: (s) => lane(s).handled('a').event('consumer', commit('1')).handled('b').drained(),
  },
  {
    anomaly: 'duplicated',
    what: 'a second copy of an accepted message',
    clean: (s) => s.ready().publish('a').consume('a', { attempt: 1 }).drained(),
    caught: (s) => s.ready().publish('a').consume('a', { attempt: 1 }).wait(50).consume('a', { attempt: 1 }).drained(),
    nearMiss: (s) =>
      s.ready().invoke('a').publish('a').consume('a', { attempt: 1 }).wait(50).consume('a', { attempt: 1 }).drained(),
  },
  {
    anomaly: 'duplicated',
    what: 'a second delivery under at-most-once, whatever the reason',
    claim: { delivery: 'at-most-once' },
    clean: (s) => s.ready().publish('a').deliver('a').handled('a', 'error').publish('b').consume('b').drained(),
    caught: (s) => s.ready().publish('a').deliver('a').handled('a', 'error').consume('a').drained(),
    nearMiss: (s) => s.ready().publish('a').publish('a').consume('a').consume('a').drained(),
  },
  {
    anomaly: 'duplicated',
    what: 'a redelivery after a lost connection, of the message of another process',
    clean: (s) => s.ready().publish('a').deliver('a').handled('a').drained(),
    caught: (s) =>
      s
        .ready()
        .publish('a')
        .deliver('a')
        .handled('a')
        .event('other', { type: 'connection.down' })
        .wait(500)
        .deliver('a', {}, 'other')
        .handled('a')
        .drained(),
    nearMiss: (s) =>
      s
        .ready()
        .publish('a')
        .deliver('a')
        .handled('a')
        .event('consumer', { type: 'connection.down' })
        .wait(500)
        .deliver('a', {}, 'other')
        .handled('a')
        .drained(),
  },
  {
    anomaly: 'resurrected',
    what: 'delivered again long after its accept took effect',
    clean: (s) => s.ready().publish('a').consume('a').drained(),
    caught: (s) => s.ready().publish('a').consume('a').wait(5_000).consume('a', { redelivered: true }).drained(),
    nearMiss: (s) =>
      s
        .ready()
        .publish('a')
        .deliver('a')
        .handled('a')
        .settle('a', 'accept', 'lost')
        .wait(5_000)
        .consume('a', { redelivered: true })
        .drained(),
  },
  {
    anomaly: 'resurrected',
    what: 'an accept undone by a lost connection, where the claim says confirmed',
    claim: { acceptance: 'confirmed' },
    clean: (s) =>
      s
        .ready()
        .publish('a')
        .deliver('a')
        .handled('a')
        .event('consumer', { type: 'connection.down' })
        .consume('a', {}, 'other')
        .drained(),
    caught: (s) =>
      s
        .ready()
        .publish('a')
        .consume('a')
        .event('consumer', { type: 'connection.down' })
        .consume('a', {}, 'other')
        .drained(),
    nearMiss: (s) =>
      s
        .ready()
        .publish('a')
        .consume('a')
        .event('parent', { type: 'fault.begin', fault: 'f', kind: 'kill -9', scope: 'broker' })
        .event('parent', { type: 'fault.confirmed', fault: 'f', evidence: 'pid gone' })
        .event('parent', { type: 'fault.healed', fault: 'f' })
        .consume('a', {}, 'other')
        .drained(),
  },
  {
    anomaly: 'premature-redelivery',
    what: 'given to somebody else inside the lease',
    clean: (s) =>
      s
        .ready()
        .publish('b')
        .consume('b')
        .publish('a')
        .deliver('a', { leaseMs: 1_000 })
        .handled('a')
        .settle('a', 'accept')
        .drained(),
    caught: (s) =>
      s
        .ready()
        .publish('b')
        .consume('b')
        .publish('a')
        .deliver('a', { leaseMs: 1_000 })
        .handled('a')
        .wait(500)
        .deliver('a', { leaseMs: 1_000 }, 'other')
        .handled('a')
        .drained(),
    nearMiss: (s) =>
      s
        .ready()
        .publish('b')
        .consume('b')
        .publish('a')
        .deliver('a', { leaseMs: 1_000 })
        .handled('a')
        .wait(2_000)
        .deliver('a', { leaseMs: 1_000 }, 'other')
        .handled('a')
        .drained(),
  },
  {
    anomaly: 'premature-redelivery',
    what: 'given to somebody else inside an extended lease',
    clean: (s) => s.ready().publish('a').deliver('a', { leaseMs: 1_000 }).handled('a').drained(),
    caught: (s) =>
      extended(s.ready().publish('a').deliver('a', { leaseMs: 100 }).handled('a'))
        .wait(500)
        .deliver('a', {}, 'other')
        .handled('a')
        .drained(),
    nearMiss: (s) =>
      extended(s.ready().publish('a').deliver('a', { leaseMs: 100 }).handled('a'))
        .wait(1_500)
        .deliver('a', {}, 'other')
        .handled('a')
        .drained(),
  },
  {
    anomaly: 'concurrent-delivery',
    what: 'two handlers of one message at once',
    clean: (s) =>
      s.ready().publish('a').deliver('a').handled('a', 'error').deliver('a', {}, 'other').handled('a').drained(),
    caught: (s) =>
      s
        .ready()
        .publish('a')
        .deliver('a')
        .deliver('a', {}, 'other')
        .handled('a')
        .event('consumer', { type: 'handled', delivery: 1, outcome: 'ok' })
        .drained(),
    nearMiss: (s) =>
      s
        .ready()
        .publish('a')
        .deliver('a')
        .event('parent', { type: 'process.exit', exited: 'consumer', signal: 'SIGKILL' })
        .deliver('a', {}, 'other')
        .handled('a')
        .drained(),
  },
];
