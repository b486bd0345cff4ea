import { BY_KEY, abc, audit, buried, k, killed, two, type Pathology } from './pathology.ts';

/** What comes, and when: order, contents, counts, fates, progress. */
export const ORDER_PATHOLOGIES: readonly Pathology[] = [
  {
    anomaly: 'reordered',
    what: 'two messages of a key the wrong way round',
    claim: BY_KEY,
    clean: (s) => s.ready().publish('a', k).publish('b', k).consume('a').consume('b').drained(),
    caught: (s) => s.ready().publish('a', k).publish('b', k).consume('b').consume('a').drained(),
    nearMiss: (s) => s.ready().publish('a', k).publish('b', { key: 'other' }).consume('b').consume('a').drained(),
  },
  {
    anomaly: 'reordered',
    what: 'a later message between a failure and its retry, where failures block',
    claim: { ...BY_KEY, onRedelivery: 'block' },
    clean: (s) => s.ready().publish('a', k).publish('b', k).fail('a').consume('a').consume('b').drained(),
    caught: (s) => s.ready().publish('a', k).publish('b', k).fail('a').consume('b').consume('a').drained(),
    nearMiss: (s) =>
      s
        .ready()
        .invoke('a', k)
        .invoke('b', k)
        .event('producer', { type: 'publish.ok', message: 'a' })
        .event('producer', { type: 'publish.ok', message: 'b' })
        .fail('a')
        .consume('b')
        .consume('a')
        .drained(),
  },
  {
    anomaly: 'reordered',
    what: 'a first delivery that comes late, where only redeliveries may skip',
    claim: { ...BY_KEY, onRedelivery: 'skip' },
    clean: (s) => s.ready().publish('a', k).publish('b', k).consume('a').consume('b').drained(),
    caught: (s) => s.ready().publish('a', k).publish('b', k).consume('b').consume('a').drained(),
    nearMiss: (s) => s.ready().publish('a', k).publish('b', k).fail('a').consume('b').consume('a').drained(),
  },
  {
    anomaly: 'reordered',
    what: 'a replay with a hole, where failures rewind',
    claim: { ...BY_KEY, onRedelivery: 'rewind', acceptance: 'sent' },
    clean: (s) => abc(s).consume('a').consume('b').consume('c').drained(),
    caught: (s) =>
      abc(s)
        .consume('a')
        .deliver('b')
        .event('consumer', { type: 'connection.down' })
        .deliver('a', {}, 'other')
        .handled('a')
        .deliver('c', {}, 'other')
        .handled('c')
        .deliver('b', {}, 'other')
        .handled('b')
        .drained(),
    nearMiss: (s) =>
      abc(s)
        .consume('a')
        .deliver('b')
        .event('consumer', { type: 'connection.down' })
        .deliver('a', {}, 'other')
        .handled('a')
        .deliver('b', {}, 'other')
        .handled('b')
        .deliver('c', {}, 'other')
        .handled('c')
        .drained(),
  },
  {
    anomaly: 'reordered',
    what: 'two subscriptions that disagree, where the order is total',
    claim: { order: 'total' },
    clean: (s) => two(s).consume('a').consume('b').consume('a', audit).consume('b', audit).drained(),
    caught: (s) => two(s).consume('a').consume('b').consume('b', audit).consume('a', audit).drained(),
    nearMiss: (s) => two(s).consume('b').consume('a').consume('b', audit).consume('a', audit).drained(),
  },
  {
    anomaly: 'phantom',
    what: 'a message that nobody published',
    clean: (s) => s.ready().publish('a').consume('a').drained(),
    caught: (s) => s.ready().publish('a').consume('a').consume('ghost').drained(),
    nearMiss: (s) => s.ready().publish('a').invoke('ghost').consume('a').consume('ghost').drained(),
  },
  {
    anomaly: 'phantom',
    what: 'a message of another destination',
    clean: (s) => s.ready().publish('a').consume('a', { destination: 'orders' }).drained(),
    caught: (s) => s.ready().publish('a').consume('a', { destination: 'invoices' }).drained(),
    nearMiss: (s) => s.ready().publish('a').consume('a').drained(),
  },
  {
    anomaly: 'phantom',
    what: 'a message that the filter of the subscription excludes',
    clean: (s) =>
      s
        .ready()
        .ready('audit')
        .publish('a', { expect: ['audit'] })
        .consume('a', audit)
        .drained(),
    caught: (s) =>
      s
        .ready()
        .ready('audit')
        .publish('a', { expect: ['audit'] })
        .consume('a', audit)
        .consume('a')
        .drained(),
    nearMiss: (s) => s.ready().ready('audit').publish('a').consume('a', audit).consume('a').drained(),
  },
  {
    anomaly: 'aborted-read',
    what: 'a message whose publish certainly failed',
    clean: (s) =>
      s
        .ready()
        .publish('a')
        .invoke('b')
        .event('producer', { type: 'publish.fail', message: 'b' })
        .consume('a')
        .drained(),
    caught: (s) =>
      s
        .ready()
        .publish('a')
        .invoke('b')
        .event('producer', { type: 'publish.fail', message: 'b' })
        .consume('a')
        .consume('b')
        .drained(),
    nearMiss: (s) =>
      s
        .ready()
        .publish('a')
        .invoke('b')
        .event('producer', { type: 'publish.fail', message: 'b' })
        .publish('b')
        .consume('a')
        .consume('b')
        .drained(),
  },
  {
    anomaly: 'corrupted',
    what: 'another body than published',
    clean: (s) =>
      s.ready().publish('a', { body: '1', headers: '2' }).consume('a', { body: '1', headers: '2' }).drained(),
    caught: (s) =>
      s.ready().publish('a', { body: '1', headers: '2' }).consume('a', { body: '9', headers: '2' }).drained(),
    nearMiss: (s) => s.ready().publish('a', { body: '1' }).consume('a', { body: '1', headers: '7' }).drained(),
  },
  {
    anomaly: 'corrupted',
    what: 'the headers of another message',
    clean: (s) => s.ready().publish('a').consume('a', { headerMessage: 'a' }).drained(),
    caught: (s) => s.ready().publish('a').consume('a', { headerMessage: 'b' }).drained(),
    nearMiss: (s) =>
      s.ready().publish('a', { headers: '2' }).consume('a', { headerMessage: 'a', headers: '2' }).drained(),
  },
  {
    anomaly: 'wrong-count',
    what: 'an attempt that stands still',
    clean: (s) =>
      s.ready().publish('a').fail('a', { attempt: 1 }).fail('a', { attempt: 2 }).consume('a', { attempt: 3 }).drained(),
    caught: (s) =>
      s.ready().publish('a').fail('a', { attempt: 1 }).fail('a', { attempt: 2 }).consume('a', { attempt: 2 }).drained(),
    nearMiss: (s) =>
      s
        .ready()
        .publish('a')
        .fail('a', { attempt: 1 })
        .deliver('a', { attempt: 2 })
        .event('consumer', { type: 'connection.down' })
        .consume('a', { attempt: 2 }, 'other')
        .drained(),
  },
  {
    anomaly: 'wrong-count',
    what: 'given up one attempt too early',
    claim: { deadLetter: 'read', maxAttempts: 2 },
    clean: (s) =>
      buried(
        s
          .ready()
          .publish('a')
          .publish('b')
          .consume('b')
          .fail('a')
          .deliver('a')
          .handled('a', 'error')
          .settle('a', 'reject'),
        'attempts',
      ).drained(),
    caught: (s) =>
      buried(
        s.ready().publish('a').publish('b').consume('b').deliver('a').handled('a', 'error').settle('a', 'reject'),
        'attempts',
      ).drained(),
    nearMiss: (s) =>
      buried(
        s.ready().publish('a').publish('b').consume('b').deliver('a').handled('a', 'error').settle('a', 'reject'),
        'rejected',
      ).drained(),
  },
  {
    anomaly: 'wrong-count',
    what: 'a redelivery flag on a message that nobody had',
    clean: (s) =>
      s.ready().publish('a').fail('a', { redelivered: false }).consume('a', { redelivered: true }).drained(),
    caught: (s) => s.ready().publish('a').consume('a', { redelivered: true }).drained(),
    nearMiss: (s) =>
      s
        .ready()
        .publish('a')
        .event('other', { type: 'subscribe.end', subscription: 'orders' })
        .consume('a', { redelivered: true })
        .drained(),
  },
  {
    anomaly: 'double-fate',
    what: 'accepted and dead-lettered',
    claim: { deadLetter: 'read' },
    clean: (s) =>
      buried(
        s.ready().publish('a').publish('b').consume('b').deliver('a').handled('a', 'error').settle('a', 'reject'),
        'rejected',
      ).drained(),
    caught: (s) => buried(s.ready().publish('a').consume('a'), 'rejected').drained(),
    nearMiss: (s) =>
      buried(
        s
          .ready()
          .publish('a')
          .deliver('a')
          .handled('a', 'error')
          .event('consumer', { type: 'connection.down' })
          .consume('a', {}, 'other'),
        'rejected',
      ).drained(),
  },
  {
    anomaly: 'double-fate',
    what: 'delivered after it expired',
    clean: (s) => s.ready().publish('a', { expiresAfterMs: 100 }).publish('b').consume('b').wait(5_000).drained(),
    caught: (s) =>
      s.ready().publish('a', { expiresAfterMs: 100 }).publish('b').consume('b').wait(5_000).consume('a').drained(),
    nearMiss: (s) =>
      s.ready().publish('a', { expiresAfterMs: 5_000 }).publish('b').consume('b').wait(4_000).consume('a').drained(),
  },
  {
    anomaly: 'stuck',
    what: 'nothing moves after a fault was healed',
    claim: { progressWithinMs: 5_000 },
    clean: (s) => killed(s.ready().publish('a'), 20_000).wait(3_000).consume('a').drained(),
    caught: (s) => killed(s.ready().publish('a'), 20_000).wait(6_000).consume('a').drained(),
    nearMiss: (s) => killed(s.ready(), 20_000).wait(6_000).publish('a').consume('a').drained(),
  },
  {
    anomaly: 'stuck',
    what: 'a subscription that never comes back',
    besides: { unseen: 1 },
    claim: { progressWithinMs: 5_000 },
    clean: (s) => s.ready().publish('a').consume('a').drained(),
    caught: (s) =>
      killed(s.ready().publish('a').consume('a').publish('b'), 100)
        .wait(6_000)
        .event('parent', { type: 'drain.begin' }),
    nearMiss: (s) =>
      s
        .ready()
        .event('consumer', { type: 'subscribe.end', subscription: 'orders' })
        .publish('a')
        .wait(60_000)
        .ready()
        .consume('a')
        .drained(),
  },
  {
    anomaly: 'overlap',
    what: 'two handlers of one key at once',
    claim: BY_KEY,
    clean: (s) =>
      s
        .ready()
        .publish('a', k)
        .publish('b', k)
        .deliver('a')
        .handled('a')
        .deliver('b', {}, 'other')
        .handled('b')
        .drained(),
    caught: (s) =>
      s
        .ready()
        .publish('a', k)
        .publish('b', k)
        .deliver('a')
        .deliver('b', {}, 'other')
        .handled('a')
        .handled('b')
        .drained(),
    nearMiss: (s) =>
      s
        .ready()
        .publish('a', k)
        .publish('b', { key: 'other' })
        .deliver('a')
        .deliver('b', {}, 'other')
        .handled('a')
        .handled('b')
        .drained(),
  },
];
