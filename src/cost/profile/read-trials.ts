import { readFile } from 'node:fs/promises';
import { fail } from '../../base/errors/fail.ts';
import type { Trial } from '../plan/evaluate-techniques.ts';
import { stepTimes } from '../plan/step-model.ts';
import { techniques } from '../techniques/techniques.ts';
import { parseMeasuredProfile } from './measured-profile.ts';
import type { JobProfile } from './read-profile.ts';

/** Reads `technique=profile.json`: the changed job, measured as the job of today was. Errors: COST_JOB, COST_FILE, COST_PROFILE. */
export async function readTrials(texts: readonly string[], today: JobProfile): Promise<ReadonlyMap<string, Trial>> {
  const trials = new Map<string, Trial>();
  const { step } = today;
  const { stepS, stallS } = stepTimes(step);
  for (const text of texts) {
    const at = text.indexOf('=');
    const [name, path] = [text.slice(0, at), text.slice(at + 1)];
    if (at < 1 || !techniques.some((one) => one.name === name))
      throw fail('COST_JOB', {
        reason: `the trial ${text} names none of ${techniques.map((one) => one.name).join(', ')}`,
      });
    const content = await readFile(path, 'utf8').catch((error: unknown) => {
      throw fail(
        'COST_FILE',
        { path, reason: error instanceof Error ? (error.message.split(',')[0] ?? '') : 'unknown' },
        error,
      );
    });
    const changed = parseMeasuredProfile(path, jsonOf(path, content));
    trials.set(name, {
      stepRatio: changed.gpuBoundStepS / (stepS - stallS),
      loaderRatio: step.loaderS > 0 ? changed.loaderS / step.loaderS : 1,
      spread: Math.min(changed.spread, 0.5),
    });
  }
  return trials;
}

function jsonOf(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw fail('COST_PROFILE', { path, reason: 'it is not whole JSON' }, error);
  }
}
