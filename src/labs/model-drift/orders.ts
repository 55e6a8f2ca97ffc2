import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Random, randomNormal } from '../../base/rng.ts';

export const DAY_MS = 86_400_000;

/** A Monday. */
const BEGIN = Date.UTC(2026, 0, 5);
const PER_DAY = 320;
/** Days of a week from Monday on that are no weekend. */
const WEEKDAYS = 5;

/** The instant at which a day begins, counted from the first one. */
export function dayAt(day: number): number {
  return BEGIN + day * DAY_MS;
}

/** Changes of the made-up orders of a shop; days from the begin, null: none. */
export interface OrderChanges {
  readonly days: number;
  /** From here on customers are older, and spend more. */
  readonly populationFrom: number | null;
  /** From here on small orders are returned, and no longer large ones. */
  readonly conceptFrom: number | null;
}

/**
 * Writes orders as a CSV file: `at`, three features, and whether the order was returned. At weekends people spend more, from phones, which is
 * no drift.
 */
export function writeOrders(folder: string, changes: OrderChanges, random: Random): string {
  const { days, populationFrom, conceptFrom } = changes;
  const rows = ['at,amount,age,device,returned'];
  for (let i = 0; i < days * PER_DAY; i += 1) {
    const day = (i + random()) / PER_DAY;
    const isWeekend = Math.floor(day) % 7 >= WEEKDAYS;
    const isOther = populationFrom !== null && day >= populationFrom;
    const spends = randomNormal(random) + (isWeekend ? 0.7 : 0) + (isOther ? 1 : 0);
    const age = 40 + 9 * randomNormal(random) + (isOther ? 8 : 0);
    const isPhone = random() < (isWeekend ? 0.7 : 0.3);
    const turn = conceptFrom !== null && day >= conceptFrom ? -1 : 1;
    const chance = 1 / (1 + Math.exp(0.4 - 1.3 * turn * spends - 0.03 * (age - 40) - (isPhone ? 0.4 : 0)));
    const amount = Math.max(1, 90 + 20 * spends).toFixed(2);
    const row = [Math.floor(dayAt(day)), amount, Math.max(18, Math.round(age)), isPhone ? 1 : 0];
    rows.push(`${row.join(',')},${random() < chance ? 1 : 0}`);
  }
  const path = join(folder, 'orders.csv');
  writeFileSync(path, `${rows.join('\n')}\n`);
  return path;
}
