import { type Random, seededRandom } from '../../base/rng.ts';
import type { Parameter, SweepFile } from './sweep-file.ts';

export type Parameters = Readonly<Record<string, number | string | boolean>>;

/** The parameters of every trial, by its id: the same for the same file. `trials`: as many as a scheduler needs. */
export function trialParameters({ parameters, search, seed }: SweepFile, trials: number): readonly Parameters[] {
  if (search === 'grid') return gridOf(parameters);
  const random = seededRandom(seed);
  return Array.from({ length: trials }, () =>
    Object.fromEntries(Object.entries(parameters).map(([name, parameter]) => [name, draw(parameter, random)])),
  );
}

/** Every combination of values; the last parameter changes fastest. */
export function gridOf(parameters: SweepFile['parameters']): readonly Parameters[] {
  return Object.entries(parameters).reduce<readonly Parameters[]>(
    (all, [name, parameter]) =>
      'values' in parameter ? all.flatMap((one) => parameter.values.map((value) => ({ ...one, [name]: value }))) : all,
    [{}],
  );
}

function draw(parameter: Parameter, random: Random): number | string | boolean {
  const at = random();
  if ('values' in parameter) return parameter.values[Math.floor(at * parameter.values.length)] ?? 0;
  const { min, max, scale, whole } = parameter;
  if (scale === 'log') {
    const value = Math.exp(Math.log(min) + at * (Math.log(max) - Math.log(min)));
    return whole ? Math.min(max, Math.max(min, Math.round(value))) : value;
  }
  return whole ? Math.floor(min + at * (max - min + 1)) : min + at * (max - min);
}
