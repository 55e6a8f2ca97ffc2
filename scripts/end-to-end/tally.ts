import type { Slice } from '../../examples/personalisation/traffic.ts';

/** What the answers must be in the end: counted from what was acknowledged, in the plainest way. */
export class Tally {
  events = 0;
  readonly #numbers = new Map<string, number>();
  /** One request for each user, of what that user looked at last. */
  readonly #requests = new Map<string, Asked>();

  add({ clicks, purchases }: Slice): void {
    this.events += clicks.length + purchases.length;
    for (const { user, session, item, category } of clicks) {
      this.#count(`session ${session}`, 1);
      this.#count(`clicks of ${user}`, 1);
      this.#count(`taste ${user} ${category}`, 1);
      this.#count(`clicks on ${item}`, 1);
      this.#requests.set(user, { user, session, item, category, price: 1 });
    }
    for (const { user, item, amount } of purchases) {
      this.#count(`sold ${item}`, 1);
      this.#count(`bought by ${user}`, 1);
      // Whole thousandths: a sum of them is exact.
      this.#count(`spent by ${user}`, Math.round(Number(amount) * 1_000));
    }
  }

  get requests(): readonly Asked[] {
    return [...this.#requests.values()];
  }

  /** What is wrong with an answer to a request, once everything has arrived. */
  faults({ user, session, item, category }: Asked, features: Readonly<Record<string, unknown>>): readonly string[] {
    const wanted: readonly (readonly [string, string])[] = [
      ['session_clicks_1h', `session ${session}`],
      ['user_clicks_1h', `clicks of ${user}`],
      ['user_clicks_30d', `clicks of ${user}`],
      ['taste_clicks_30d', `taste ${user} ${category}`],
      ['item_clicks_30d', `clicks on ${item}`],
      ['sales_sold_30d', `sold ${item}`],
      ['basket_bought_30d', `bought by ${user}`],
    ];
    const faults = wanted.flatMap(([feature, name]) => {
      const right = this.#numbers.get(name) ?? 0;
      return Number(features[feature]) === right ? [] : [`${feature} of ${name}: ${features[feature]}, not ${right}`];
    });
    const spent = Math.round(Number(features['basket_spent_30d']) * 1_000);
    const right = this.#numbers.get(`spent by ${user}`) ?? 0;
    return spent === right ? faults : [...faults, `basket_spent_30d of ${user}: ${spent}, not ${right}`];
  }

  #count(name: string, by: number): void {
    this.#numbers.set(name, (this.#numbers.get(name) ?? 0) + by);
  }
}

/** A request of the recommendation service. */
export interface Asked {
  readonly user: string;
  readonly session: string;
  readonly item: string;
  readonly category: string;
  readonly price: number;
}
