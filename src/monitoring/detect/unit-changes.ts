/** A change of all values that follows from another unit or sign: each is times a factor, plus an offset. */
export interface UnitChange {
  readonly times: number;
  readonly plus: number;
  /** The two units, or the field's word for the change. */
  readonly name: string;
}

/** Factors between units that people mix up. */
const FACTORS: readonly (readonly [number, string])[] = [
  [1000, 'thousand'],
  [60, 'minutes and seconds, or hours and minutes'],
  [3600, 'hours and seconds'],
  [60_000, 'minutes and milliseconds'],
  [3_600_000, 'hours and milliseconds'],
  [100, 'percent or cents'],
  [1_000_000, 'million'],
  [24, 'days and hours'],
  [1440, 'days and minutes'],
  [86_400, 'days and seconds'],
  [1.609344, 'miles and kilometres'],
  [2.20462262, 'kilograms and pounds'],
  [3.2808399, 'metres and feet'],
  [2.54, 'inches and centimetres'],
];

/** Both directions of each factor. */
export const FACTOR_CHANGES: readonly UnitChange[] = FACTORS.flatMap(([factor, name]) => [
  { times: factor, plus: 0, name },
  { times: 1 / factor, plus: 0, name },
]);

/** Changes that move the zero of a scale. */
export const OFFSET_CHANGES: readonly UnitChange[] = [
  { times: 1.8, plus: 32, name: 'degrees Celsius to Fahrenheit' },
  { times: 1 / 1.8, plus: -32 / 1.8, name: 'degrees Fahrenheit to Celsius' },
  { times: 1, plus: 273.15, name: 'degrees Celsius to kelvin' },
  { times: 1, plus: -273.15, name: 'kelvin to degrees Celsius' },
  { times: 1.8, plus: -459.67, name: 'kelvin to degrees Fahrenheit' },
  { times: 1 / 1.8, plus: 459.67 / 1.8, name: 'degrees Fahrenheit to kelvin' },
];

export const SIGN_CHANGE: UnitChange = { times: -1, plus: 0, name: 'the sign' };
