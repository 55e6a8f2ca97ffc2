import { expect } from 'vitest';
import type { Delivery } from '../../src/features/engine/delivery.ts';
import { loggedIn } from '../../src/featurestore/ingest/ingest-report.ts';
import type { Headrace } from '../../src/running/headrace.ts';
import { entityKeyCodec } from '../../src/schema/entity-key.ts';
import { acceptedDeliveries, naiveAnswers } from '../../src/testing/oracle/naive-scan.ts';
import { both, byBoth, byPage, byUser, clicks, PAGES, service, USERS } from './tile-project.ts';
import { until } from './until.ts';

const MINUTE_MS = 60_000;

/** Everything that was sent to the processes of one project. */
export class SentClicks {
  readonly #sent: Delivery[] = [];

  /** Sends events of the last half hour, some late and some redelivered with another content. */
  async send(headrace: Headrace, count: number): Promise<void> {
    const now = Date.now();
    const from = this.#sent.length;
    const events = Array.from({ length: count }, (_, i) => {
      const n = from + i;
      const again = n % 11 === 10 ? this.#sent[from > 0 ? n % from : 0] : undefined;
      const age = n % 13 === 12 ? 45 * MINUTE_MS : (n * 7_919) % (25 * MINUTE_MS);
      const at = again?.ts ?? now - age;
      return { id: again?.id ?? `e${n}`, at, user: USERS[n % 4], page: PAGES[(n * 3) % 4], ms: (n * 31) % 997 };
    });
    expect(loggedIn(await headrace.ingest(clicks, events))).toBe(count);
    for (const { id, at, user, page, ms } of events)
      this.#sent.push({ id, ts: at, ingestTs: now, row: [id, at, user, page, ms] });
  }

  /** What the services answer at an instant by a scan of all that was sent. */
  expected(q: number): readonly unknown[] {
    return USERS.map((user, i) => [
      ...naiveAnswers(byUser, acceptedDeliveries(byUser, this.#sent), keyOf(byUser, user), q),
      ...naiveAnswers(byPage, acceptedDeliveries(byPage, this.#sent), keyOf(byPage, PAGES[i]), q),
    ]);
  }

  /** Waits until a process answers as the scan does, and says that this is fresh. */
  async whole(headrace: Pick<Headrace, 'read'>): Promise<void> {
    await until(async () => {
      const q = Date.now();
      const vectors = await Promise.all(USERS.map((user, i) => headrace.read(service, { user, page: PAGES[i] }, q)));
      expect(vectors.map(({ values }) => values)).toEqual(this.expected(q));
      expect(vectors.flatMap(({ stale }) => stale)).toEqual([]);
      return true;
    });
  }

  /** The same of the other view, of every pair. */
  async wholeOfBoth(headrace: Pick<Headrace, 'read'>): Promise<void> {
    const accepted = acceptedDeliveries(byBoth, this.#sent);
    const pairs = USERS.flatMap((user) => PAGES.map((page) => ({ user, page })));
    const { encode } = entityKeyCodec(byBoth.entity.key);
    await until(async () => {
      const q = Date.now();
      const vectors = await Promise.all(pairs.map((pair) => headrace.read(both, pair, q)));
      const expected = pairs.map(({ user, page }) => naiveAnswers(byBoth, accepted, encode([user, page]) ?? '', q));
      expect(vectors.map(({ values }) => values)).toEqual(expected);
      expect(vectors.flatMap(({ stale }) => stale)).toEqual([]);
      return true;
    });
  }
}

function keyOf(view: typeof byUser | typeof byPage, value: string): string {
  return entityKeyCodec(view.entity.key).encode([value]) ?? '';
}
