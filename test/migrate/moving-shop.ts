import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EnvironmentOptions, resolveEnvironment } from '../../src/environment/config.ts';
import {
  batchView,
  bool,
  changeSource,
  count,
  defineProject,
  entity,
  featureService,
  int,
  lookup,
  sql,
  streamView,
  text,
  time,
} from '../../src/features/define/declare.ts';
import { Headrace } from '../../src/running/headrace.ts';
import { Migration } from '../../src/running/migration/migration.ts';
import { byUser, purchases, user } from '../loop/shop.ts';

const customer = batchView('customer', {
  entity: user,
  schedule: '0 3 * * *',
  freshness: '26h',
  reads: { purchases },
  features: { lines: int() },
  sql: ({ purchases: p, asOf }) => sql`SELECT "user", count(*) AS lines FROM ${p} WHERE "at" < ${asOf} GROUP BY "user"`,
});

/** Orders that are put in and taken away again. */
const orders = changeSource('orders', {
  id: 'change',
  time: 'changed',
  lateness: '1h',
  row: { id: 'order', time: 'placed' },
  before: 'gone',
  columns: { change: text(), changed: time(), order: text(), placed: time(), gone: bool(), shop: text() },
});

const byShop = streamView('by_shop', {
  source: orders,
  entity: entity('shop', { shop: text() }),
  key: { shop: 'shop' },
  windows: ['12h'],
  freshness: '1s',
  features: () => ({ orders: count() }),
});

const SHOPS = ['north', 'south'];

const visited = featureService('visited', {
  request: { shop: text() },
  join: (r) => ({ shop: lookup(byShop, { shop: r.shop }) }),
});

const visitor = featureService('visitor', {
  request: { user: text() },
  join: (r) => ({ own: lookup(byUser, { user: r.user }), past: lookup(customer, { user: r.user }) }),
});

export const project = defineProject('moving', { purchases, orders, visitor, visited });

export const USERS = ['ann', 'bob', 'eve', 'joe'];

export interface Sent {
  readonly purchase: string;
  readonly at: number;
  readonly user: string;
  readonly item: string;
  readonly cents: number;
}

/** A project in one directory that moves to another, at a clock that the test sets. */
export class MovingShop {
  now = Date.UTC(2026, 0, 1);
  readonly told: string[] = [];
  readonly faults: unknown[] = [];
  readonly folder = mkdtempSync(join(tmpdir(), 'migrate-'));
  readonly #from: EnvironmentOptions;
  readonly #to: EnvironmentOptions;
  readonly #placed = new Map<string, number>();
  #changes = 0;
  /** Throws where it is asked to, as often as there are numbers: after this many lines. */
  failAfter: number[] = [];

  constructor(from: EnvironmentOptions = {}, to: EnvironmentOptions = {}) {
    const common = { partitions: 2, sampleRate: 1 };
    this.#from = { ...common, directory: join(this.folder, 'old'), ...from };
    this.#to = { ...common, directory: join(this.folder, 'new'), ...to };
  }

  get from() {
    return resolveEnvironment('old', this.#from, project.name);
  }

  get to() {
    return resolveEnvironment('new', this.#to, project.name);
  }

  open(which: 'from' | 'to'): Promise<Headrace> {
    return Headrace.open({
      project,
      environment: this[which],
      clock: () => this.now,
      onFault: (error) => this.faults.push(error),
    });
  }

  async migrating<T>(work: (migration: Migration) => Promise<T>): Promise<T> {
    const migration = Migration.open({
      project,
      from: this.from,
      to: this.to,
      clock: () => this.now,
      tell: (line) => {
        this.told.push(line);
        const [first, ...rest] = this.failAfter;
        if (first === undefined) return;
        this.failAfter = first === 0 ? rest : [first - 1, ...rest];
        if (first === 0) throw new Error('stopped by the test');
      },
      onFault: (error) => this.faults.push(error),
    });
    try {
      return await work(migration);
    } finally {
      migration.close();
    }
  }

  async send(headrace: Headrace, events: readonly Sent[]): Promise<void> {
    const { refused } = await headrace.ingest(purchases, events);
    if (refused.length > 0) throw refused[0].error;
  }

  /** Puts an order in, or takes it away where it is in. */
  async change(headrace: Headrace, order: string): Promise<void> {
    this.#changes += 1;
    const placed = this.#placed.get(order);
    if (placed === undefined) this.#placed.set(order, this.now);
    else this.#placed.delete(order);
    const row = { order, placed: placed ?? this.now, shop: SHOPS[order.length % 2] };
    const change = { change: `c${this.#changes}`, changed: this.now, gone: placed !== undefined, ...row };
    const { refused } = await headrace.ingest(orders, [change]);
    if (refused.length > 0) throw refused[0].error;
  }

  /** What a project answers to every user, and of every shop, now. */
  async answers(headrace: Headrace): Promise<readonly unknown[]> {
    const found: unknown[] = [];
    const read = async (service: typeof visitor | typeof visited, request: object) => {
      const { values, missing } = await headrace.read(service, request, this.now);
      found.push({ values, missing });
    };
    for (const each of USERS) await read(visitor, { user: each });
    for (const shop of SHOPS) await read(visited, { shop });
    return found;
  }

  /** Every delivery of a project's history, by id and in the order in which they came. */
  async deliveries(headrace: Headrace): Promise<readonly unknown[]> {
    await headrace.flush();
    const sql = `SELECT purchase, "at", "user", item, cents, _ingest_ts, _verdict FROM ${headrace.deliveries(purchases)} AS t ORDER BY purchase, _ingest_ts, _offset`;
    return (await Array.fromAsync(headrace.history.query(sql))).flat();
  }

  end(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
