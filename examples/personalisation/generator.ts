import type { Click, Purchase, Request, Slice, Traffic } from './traffic.ts';
import { zipf } from './zipf.ts';

export interface ShopOptions {
  readonly users: number;
  readonly items: number;
  /** Where the history ends and live traffic begins, epoch ms; from here on one item is viral. */
  readonly until: number;
  /** Events of the history but for its last minute, about: half of them in its last hour. 0: they are elsewhere. */
  readonly events: number;
  /** Of the last minute of the history and from then on, about. */
  readonly eventsPerSecond: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Where all users have been there before: the session of each. Then all are as likely to come; left out: by Zipf's law. */
  readonly sessionBefore?: (user: number) => string;
}

export const CATEGORIES = 40;
/** The item that everybody looks at once the history is over: unknown before, of no popular rank. */
export const VIRAL_SHARE = 0.2;
/** A burst of visitors: this many times as many, for this long, once in about this long. */
export const BURST = { factor: 4, forMs: 5_000, everyMs: 30_000 } as const;

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const HISTORY_MS = 30 * DAY_MS;
const SLICE_MS = 10_000;
const MEAN_CLICKS = 6;
const CLICK_GAP_MS = 8_000;
const BUY_SHARE = 0.06;
const BUY_GAP_MS = 20_000;
/** A user stays with one of two categories this often. */
const LOYALTY = 0.6;
const EVENTS_A_SESSION = MEAN_CLICKS * (1 + BUY_SHARE);

type ShopEvent = { readonly click: Click } | { readonly purchase: Purchase };

/**
 * A shop that does not exist: users and items by Zipf's law, sessions of clicks in which a user stays with a few categories,
 * purchases, bursts of visitors, and one viral item. The same options give the same shop and the same traffic.
 */
export function shopTraffic(options: ShopOptions): Traffic {
  const { users, items, until, events, eventsPerSecond, random, sessionBefore } = options;
  const drawUser = sessionBefore === undefined ? zipf(users, random) : () => Math.floor(random() * users);
  const drawItem = zipf(items, random);
  const drawInCategory = zipf(Math.max(1, Math.floor(items / CATEGORIES)), random);
  const prices = Array.from({ length: items }, () => Math.exp(2 + 3 * random()).toFixed(2));
  const viral = items - 1;
  const sessions = new Map<number, string>();
  /** Events that are to come, by second. */
  const pending = new Map<number, ShopEvent[]>();
  let [drawnTo, takenTo] = [until - HISTORY_MS, until - HISTORY_MS];
  let burst = { from: drawnTo, to: drawnTo };
  let [nextSession, nextClick, nextPurchase] = [0, 0, 0];

  const exponential = (mean: number) => -Math.log(1 - random()) * mean;

  function chooseItem(user: number, at: number): number {
    const luck = random();
    if (at >= until && luck < VIRAL_SHARE) return viral;
    if (luck > 1 - LOYALTY) {
      const category = (user * 7 + (random() < 0.7 ? 0 : 13)) % CATEGORIES;
      return Math.min(drawInCategory() * CATEGORIES + category, items - 1);
    }
    return drawItem();
  }

  function startSession(start: number): void {
    const user = drawUser();
    nextSession += 1;
    const session = `s${nextSession}`;
    sessions.set(user, session);
    for (let at = start; ; at += Math.ceil(exponential(CLICK_GAP_MS))) {
      const item = chooseItem(user, at);
      nextClick += 1;
      const common = { user: `u${user}`, item: `i${item}`, category: `k${item % CATEGORIES}`, price: prices[item] };
      add(at, { click: { id: `c${nextClick}`, at, session, ...common } });
      if (random() < BUY_SHARE) {
        const bought = at + Math.ceil(exponential(BUY_GAP_MS));
        const quantity = random() < 0.9 ? 1 : 2;
        const amount = (quantity * Number(prices[item])).toFixed(2);
        nextPurchase += 1;
        add(bought, { purchase: { id: `p${nextPurchase}`, at: bought, quantity, amount, ...common } });
      }
      if (random() < 1 / MEAN_CLICKS) return;
    }
  }

  function add(at: number, event: ShopEvent): void {
    const second = Math.floor(at / 1_000);
    const events = pending.get(second);
    if (events === undefined) pending.set(second, [event]);
    else events.push(event);
  }

  /** Starts the sessions up to `at`: a Poisson process, thinned outside bursts (Lewis and Shedler 1979). */
  function drawSessions(at: number, sessionsPerSecond: number): void {
    const meanGap = 1_000 / (sessionsPerSecond * BURST.factor);
    for (let start = drawnTo + exponential(meanGap); start < at; start += exponential(meanGap)) {
      while (start >= burst.to) {
        const from = burst.to + exponential(BURST.everyMs);
        burst = { from, to: from + BURST.forMs };
      }
      if (start >= burst.from || random() < 1 / BURST.factor) startSession(Math.floor(start));
    }
    drawnTo = at;
  }

  function take(at: number, rate: number): Slice {
    const mean = 1 + ((BURST.factor - 1) * BURST.forMs) / (BURST.forMs + BURST.everyMs);
    drawSessions(at, rate / EVENTS_A_SESSION / mean);
    const due: ShopEvent[] = [];
    for (let second = Math.floor(takenTo / 1_000); second * 1_000 < at; second += 1) {
      const events = pending.get(second);
      if (events === undefined) continue;
      const rest = events.filter((event) => timeOf(event) >= at);
      due.push(...events.filter((event) => timeOf(event) < at));
      if (rest.length === 0) pending.delete(second);
      else pending.set(second, rest);
    }
    takenTo = at;
    due.sort((a, b) => timeOf(a) - timeOf(b));
    return {
      at,
      clicks: due.flatMap((event) => ('click' in event ? [event.click] : [])),
      purchases: due.flatMap((event) => ('purchase' in event ? [event.purchase] : [])),
    };
  }

  function* beforeLastMinute(): Generator<Slice> {
    const oldRate = events / 2 / ((HISTORY_MS - HOUR_MS) / 1_000);
    for (let at = until - HISTORY_MS + HOUR_MS; at <= until - HOUR_MS; at += HOUR_MS) yield take(at, oldRate);
    const newRate = events / 2 / ((HOUR_MS - MINUTE_MS) / 1_000);
    for (let at = until - HOUR_MS + SLICE_MS; at <= until - MINUTE_MS; at += SLICE_MS) yield take(at, newRate);
  }

  return {
    *history() {
      if (events > 0) yield* beforeLastMinute();
      else [drawnTo, takenTo] = [until - MINUTE_MS, until - MINUTE_MS];
      for (let at = until - MINUTE_MS + 1_000; at <= until; at += 1_000) yield take(at, eventsPerSecond);
    },
    live: (at) => take(at, eventsPerSecond),
    openAt(at) {
      [drawnTo, takenTo] = [Math.max(drawnTo, at), Math.max(takenTo, at)];
    },
    request(): Request {
      const user = drawUser();
      const item = chooseItem(user, takenTo);
      return {
        user: `u${user}`,
        session: sessions.get(user) ?? sessionBefore?.(user) ?? 's0',
        item: `i${item}`,
        category: `k${item % CATEGORIES}`,
        price: Number(prices[item]),
      };
    },
  };
}

function timeOf(event: ShopEvent): number {
  return 'click' in event ? event.click.at : event.purchase.at;
}
