import { expect, test } from 'vitest';
import { registrySite } from './registry-site.ts';
import { hasRecordings, recordings, replay, runScenarios, SEALED_STEPS } from './replay.ts';

test.skipIf(!hasRecordings).each(recordings)(
  '%s: every exchange has the status and the shape of the official server',
  async (name) => {
    const { count, differences } = await replay((await registrySite('sqlite')).url, name);
    expect(count).toBeGreaterThan(40);
    expect(differences.join('\n')).toBe('');
  },
);

test.skipIf(!hasRecordings)(
  'all steps of the scenarios hold, except that a model with an alias is not deleted',
  async () => {
    const { steps, failures } = await runScenarios(async () => (await registrySite('sqlite')).url);
    expect(steps).toBe(44);
    expect(failures.map((failure) => failure.split(':')[0])).toEqual(SEALED_STEPS);
  },
);
