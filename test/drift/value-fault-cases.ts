import { type Random, randomNormal } from '../../src/base/rng.ts';

/** Values of one column. */
export type Column = Float64Array | readonly (string | null)[];

/** Draws rows of a kind, as a window has them. */
export type Draw = (random: Random, rows: number) => Column;

const numbers =
  (draw: (random: Random) => number): Draw =>
  (random, rows) =>
    Float64Array.from({ length: rows }, () => draw(random));

function poisson(random: Random, mean: number): number {
  let [count, product] = [0, random()];
  const limit = Math.exp(-mean);
  while (product > limit) {
    count += 1;
    product *= random();
  }
  return count;
}

function texts(random: Random, rows: number, values: readonly string[]): readonly string[] {
  return Array.from({ length: rows }, () => values[Math.floor(random() ** 2 * values.length)]);
}

const CITIES = [
  'Ljubljana',
  'Maribor',
  'Celje',
  'Kranj',
  'Koper',
  'Velenje',
  'Ptuj',
  'Novo Mesto',
  'Slovenia',
  'Slovakia',
];

/** Minutes that a flight is late, on a day of this level. Most leave a little early. */
const lateness = (random: Random, level: number) =>
  Math.round(random() < 0.6 ? 5 * randomNormal(random) - 3 : -25 * level * Math.log(1 - random()));

const lognormal = (random: Random) => Math.exp(2 + 0.8 * randomNormal(random));
const celsius = (random: Random) => 14 + 8 * randomNormal(random);
const minutes = (random: Random) => 4 + 9 * randomNormal(random);

/** Columns with many values at 0 or near it, and a tail to the right: their ratios are any number. */
export function nearZeroKinds(): Readonly<Record<string, Draw>> {
  return {
    'means of few rows': (random, rows) => {
      const level = Math.exp(0.3 * randomNormal(random));
      return numbers(() => {
        const count = 1 + Math.floor(6 * random());
        const late = Array.from({ length: count }, () => Math.max(0, lateness(random, level)));
        return late.reduce((sum, one) => sum + one, 0) / count;
      })(random, rows);
    },
    'running means around 0': (random, rows) => {
      const level = Math.exp(0.3 * randomNormal(random));
      let mean = 0;
      return numbers(() => {
        mean = 0.9 * mean + 0.1 * lateness(random, level);
        return mean;
      })(random, rows);
    },
    'decayed amounts': (random, rows) => {
      const idle = 0.1 + 0.3 * random();
      return numbers(() =>
        random() < idle ? 5 * Math.exp(-12 * random()) : 12 * Math.exp(0.9 * randomNormal(random)),
      )(random, rows);
    },
  };
}

/** Kinds of columns in which nothing is wrong. A day has its own mean and width where a kind says so. */
export const calmKinds: Readonly<Record<string, Draw>> = {
  normal: numbers((random) => 50 + 10 * randomNormal(random)),
  'a day of its own': (random, rows) => {
    const [shift, width] = [0.25 * randomNormal(random), Math.exp(0.1 * randomNormal(random))];
    return numbers(() => 20 + 5 * (shift + width * randomNormal(random)))(random, rows);
  },
  lognormal: numbers(lognormal),
  pareto: numbers((random) => (1 - random()) ** (-1 / 1.5)),
  cauchy: numbers((random) => Math.tan(Math.PI * (random() - 0.5))),
  'small counts': numbers((random) => poisson(random, 3)),
  'large counts': numbers((random) => poisson(random, 90)),
  'zero-inflated amounts': (random, rows) => {
    const zeros = 0.4 + 0.1 * random();
    return numbers(() => (random() < zeros ? 0 : lognormal(random)))(random, rows);
  },
  'zero-inflated counts': numbers((random) => (random() < 0.7 ? 0 : Math.floor(lognormal(random)))),
  'small n': (random, rows) => numbers(lognormal)(random, Math.ceil(rows / 8)),
  bimodal: (random, rows) => {
    const share = 0.3 + 0.1 * random();
    return numbers(() => (random() < share ? 5 : 60) + 4 * randomNormal(random))(random, rows);
  },
  dependent: (random, rows) => {
    let z = randomNormal(random);
    return numbers(() => {
      z = 0.9 * z + Math.sqrt(1 - 0.81) * randomNormal(random);
      return 10 + 3 * z;
    })(random, rows);
  },
  'a season': (random, rows) => {
    // A window is a day of a year.
    const day = random();
    return numbers(() => 12 + 9 * Math.sin(2 * Math.PI * day) + 3 * randomNormal(random))(random, rows);
  },
  'prices that end in 99': numbers((random) => Math.max(1, Math.round(lognormal(random) * 3)) - 0.01),
  ...nearZeroKinds(),
  'shares with a cap': numbers((random) => Math.min(1, Math.max(0, 0.8 + 0.3 * randomNormal(random)))),
  texts: (random, rows) => texts(random, rows, CITIES).map((one) => (random() < 0.05 ? null : one)),
};

/** The reference of a kind: as many days as rows need, so that it knows the kind's own variation. */
export function referenceOf(draw: Draw, random: Random, days = 30, rows = 200): Column {
  const drawn = Array.from({ length: days }, () => draw(random, rows));
  const all = drawn.flatMap((column) => [...column]);
  return drawn.some((column) => column instanceof Float64Array)
    ? Float64Array.from(all, Number)
    : all.map((value) => (value === null ? null : String(value)));
}

/** An error of data: the sound rows, what became of them, and the kind of fault that it is. */
export interface Planted {
  readonly sound: Draw;
  readonly spoil: (column: Column, random: Random) => Column;
  readonly kind: string;
}

const each =
  (spoil: (value: number, random: Random) => number): Planted['spoil'] =>
  (column, random) =>
    Float64Array.from([...column], (value) => spoil(Number(value), random));

const some = (share: number, spoil: (value: number) => number) =>
  each((value, random) => (random() < share ? spoil(value) : value));

const stuck =
  (share: number): Planted['spoil'] =>
  (column) => {
    const from = Math.floor(column.length * (1 - share));
    return Float64Array.from([...column], (value, i) => Number(i > from ? column[from] : value));
  };

const words =
  (spoil: (value: string, random: Random) => string | null): Planted['spoil'] =>
  (column, random) =>
    [...column].map((value) => (value === null ? null : spoil(String(value), random)));

const of = (draw: (random: Random) => number) => numbers(draw);

/** Errors that happen, by name. */
export const planted: Readonly<Record<string, Planted>> = {
  'milliseconds for minutes': { sound: of(minutes), spoil: each((x) => 60_000 * x), kind: 'unit' },
  'seconds for minutes': { sound: of(minutes), spoil: each((x) => 60 * x), kind: 'unit' },
  'hours for days': { sound: of(lognormal), spoil: each((x) => 24 * x), kind: 'unit' },
  'cents for dollars': { sound: of(lognormal), spoil: each((x) => 100 * x), kind: 'unit' },
  'thousands for ones': { sound: of(lognormal), spoil: each((x) => x / 1000), kind: 'unit' },
  'percent for shares': { sound: of((random) => random() ** 2), spoil: each((x) => 100 * x), kind: 'unit' },
  'kilometres for miles': { sound: of(lognormal), spoil: each((x) => 1.609344 * x), kind: 'unit' },
  'kilometres for miles, with a few refunds': {
    sound: of((random) => (random() < 0.002 ? -2.5 : lognormal(random))),
    spoil: each((x) => 1.609344 * x),
    kind: 'unit',
  },
  'miles for kilometres, from 0 on': {
    sound: of((random) => -5 * Math.log(1 - random())),
    spoil: each((x) => x / 1.609344),
    kind: 'unit',
  },
  'pounds for kilograms': {
    sound: of((random) => 75 + 14 * randomNormal(random)),
    spoil: each((x) => 2.20462262 * x),
    kind: 'unit',
  },
  'feet for metres': { sound: of(lognormal), spoil: each((x) => 3.2808399 * x), kind: 'unit' },
  'centimetres for inches': { sound: of(lognormal), spoil: each((x) => 2.54 * x), kind: 'unit' },
  'Fahrenheit for Celsius': { sound: of(celsius), spoil: each((x) => 1.8 * x + 32), kind: 'unit' },
  'Celsius for Fahrenheit': {
    sound: of((random) => 1.8 * celsius(random) + 32),
    spoil: each((x) => (x - 32) / 1.8),
    kind: 'unit',
  },
  'kelvin for Celsius': { sound: of(celsius), spoil: each((x) => x + 273.15), kind: 'unit' },
  'Celsius for kelvin': {
    sound: of((random) => 273.15 + celsius(random)),
    spoil: each((x) => x - 273.15),
    kind: 'unit',
  },
  'kelvin on a warm day': {
    sound: of((random) => 27 + 2 * randomNormal(random)),
    spoil: each((x) => x + 273.15),
    kind: 'unit',
  },
  'a third of rows in seconds': { sound: of(lognormal), spoil: some(0.34, (x) => 60 * x), kind: 'unit' },
  'a third of rows in thousands': { sound: of(lognormal), spoil: some(0.34, (x) => 1000 * x), kind: 'unit' },
  'a third of weights in pounds': {
    sound: of((random) => 75 + 14 * randomNormal(random)),
    spoil: some(0.34, (x) => 2.20462262 * x),
    kind: 'unit',
  },
  'a third of lengths in centimetres': {
    sound: of((random) => Math.exp(2 + 0.2 * randomNormal(random))),
    spoil: some(0.34, (x) => 2.54 * x),
    kind: 'unit',
  },
  'a third of speeds in kilometres': {
    sound: of((random) => 60 + 6 * randomNormal(random)),
    spoil: some(0.34, (x) => 1.609344 * x),
    kind: 'unit',
  },
  'a third of rows in Fahrenheit': { sound: of(celsius), spoil: some(0.34, (x) => 1.8 * x + 32), kind: 'unit' },
  'half of rows in kelvin': { sound: of(celsius), spoil: some(0.5, (x) => x + 273.15), kind: 'unit' },
  'a tenth of rows in cents': { sound: of(lognormal), spoil: some(0.1, (x) => 100 * x), kind: 'unit' },
  'the sign of positive values': { sound: of(lognormal), spoil: each((x) => -x), kind: 'sign' },
  'the sign of values on both sides': { sound: of(minutes), spoil: each((x) => -x), kind: 'sign' },
  'the sign of a third of rows': { sound: of(lognormal), spoil: some(0.34, (x) => -x), kind: 'sign' },
  'a few negative values': { sound: of(lognormal), spoil: some(0.02, (x) => -x), kind: 'range' },
  'a sensor that stands still': { sound: of(celsius), spoil: stuck(1), kind: 'repeated' },
  'a sensor that stands still for a quarter': { sound: of(celsius), spoil: stuck(0.27), kind: 'repeated' },
  'zeros in a fifth of rows': { sound: of(lognormal), spoil: some(0.2, () => 0), kind: 'repeated' },
  'zeros among rounded prices': {
    sound: of((random) => 2.5 + 0.5 * Math.floor(2 * lognormal(random))),
    spoil: some(0.2, () => 0),
    kind: 'repeated',
  },
  'zeros among values on both sides': { sound: of(minutes), spoil: some(0.2, () => 0), kind: 'repeated' },
  'a code of 3 % below all': { sound: of(lognormal), spoil: some(0.03, () => -999), kind: 'repeated' },
  'a code of 3 % above all': { sound: of(celsius), spoil: some(0.03, () => 9999), kind: 'repeated' },
  'a code of 3 % below prices': {
    sound: calmKinds['prices that end in 99'],
    spoil: some(0.03, () => -999),
    kind: 'repeated',
  },
  'a code of 5 % just below 0': { sound: of(lognormal), spoil: some(0.05, () => -1), kind: 'repeated' },
  'missing in 5 % of rows': { sound: of(lognormal), spoil: some(0.05, () => Number.NaN), kind: 'missing' },
  'missing in 60 % of rows': {
    sound: calmKinds['texts'],
    spoil: words((x, random) => (random() < 0.6 ? null : x)),
    kind: 'missing',
  },
  'infinite values': { sound: of(lognormal), spoil: some(0.01, () => Number.POSITIVE_INFINITY), kind: 'infinite' },
  'texts for numbers': { sound: of(lognormal), spoil: (column) => [...column].map((x) => `${x} km`), kind: 'type' },
  'a misspelt value': {
    sound: calmKinds['texts'],
    spoil: words((x) => (x === 'Maribor' ? 'Maribro' : x)),
    kind: 'spelling',
  },
  'another case': {
    sound: calmKinds['texts'],
    spoil: words((x, random) => (random() < 0.2 ? x.toLowerCase() : x)),
    kind: 'spelling',
  },
  'a blank after the value': {
    sound: calmKinds['texts'],
    spoil: words((x, random) => (random() < 0.1 ? `${x} ` : x)),
    kind: 'spelling',
  },
};
