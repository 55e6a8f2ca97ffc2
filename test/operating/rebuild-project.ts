import {
  approxDistinct,
  batchView,
  count,
  decimal,
  defineProject,
  distinct,
  entity,
  eventSource,
  featureService,
  float,
  int,
  lookup,
  max,
  mean,
  nullable,
  sql,
  streamView,
  sum,
  text,
  time,
  topK,
} from '../../src/features/define/declare.ts';
import { asked, came, service, small } from '../models/small-project.ts';

/** Events with every kind of aggregate over them. */
export const orders = eventSource('orders', {
  id: 'id',
  time: 'at',
  lateness: '1h',
  columns: { id: text(), at: time(), user: text(), price: decimal(2), weight: nullable(float()), note: text() },
});
const user = entity('user', { user: text() });
export const spend = streamView('spend', {
  source: orders,
  entity: user,
  key: { user: 'user' },
  windows: ['1h', '7d'],
  freshness: '1s',
  features: (e) => ({
    n: count(),
    total: sum(e.price),
    heaviest: max(e.weight),
    price: mean(e.price),
    notes: distinct(e.note),
    about: approxDistinct(e.note),
    top: topK(e.note, 2),
  }),
});
export const history = batchView('history', {
  entity: user,
  schedule: '0 * * * *',
  freshness: '1d',
  reads: { orders },
  features: { orders: int() },
  sql: ({ orders: rows }) => sql`SELECT "user", COUNT(*) AS orders FROM ${rows} GROUP BY "user"`,
});
export const visitor = featureService('visitor', {
  request: { user: text() },
  join: (r) => ({ spend: lookup(spend, { user: r.user }), history: lookup(history, { user: r.user }) }),
});
/** A project with every kind of table in its history. */
export const project = defineProject('site', { asked, came, service, small, visitor });
