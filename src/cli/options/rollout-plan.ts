import { readFileSync } from 'node:fs';
import { fail } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import { option, type Values } from './option.ts';
import { duration, file, list, number, or, whole } from './option-kinds.ts';

/** The plan of a rollout of a model that no project declares: a file, and options that count before those of the file. */
export const planOptions = {
  plan: option(file, 'a JSON file with the options of the rollout, as a declaration has them'),
  shadow: option(or('off', duration), 'how long the version scores copies before it answers, or off (10m)'),
  steps: option(list(number(0, 100), 1), 'percentages of the callers, rising (1,5,20,50)'),
  every: option(duration, 'least time at each step (10m)'),
  requests: option(whole(1), 'least requests of each cohort at each step (500)'),
  soak: option(duration, 'how long the previous version stays loaded after the promotion (1h)'),
};

/** The plan that a call writes; null: it writes none. Error: CLI_VALUE. */
export function writtenPlan({
  plan: path,
  shadow,
  steps,
  every,
  requests,
  soak,
}: Values<typeof planOptions>): Readonly<Record<string, unknown>> | null {
  const named = {
    ...(shadow === undefined ? {} : { shadow: shadow === 'off' ? false : duration.write(shadow) }),
    ...(steps === undefined ? {} : { steps }),
    ...(every === undefined ? {} : { every: duration.write(every) }),
    ...(requests === undefined ? {} : { requests }),
    ...(soak === undefined ? {} : { soak: duration.write(soak) }),
  };
  if (path === undefined) return Object.keys(named).length === 0 ? null : named;
  return { ...planFile(path), ...named };
}

function planFile(path: string): Readonly<Record<string, unknown>> {
  const refused = (reason: string, cause?: unknown) =>
    fail('CLI_VALUE', { option: 'plan', value: path, wanted: `a JSON file with an object: ${reason}` }, cause);
  let read: unknown;
  try {
    read = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw refused(reasonOf(error), error);
  }
  if (typeof read !== 'object' || read === null || Array.isArray(read)) throw refused('it has no object');
  return read as Readonly<Record<string, unknown>>;
}
