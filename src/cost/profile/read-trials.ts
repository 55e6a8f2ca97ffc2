import { readFile } from 'node:fs/promises';
import { fail } from '../../base/errors/fail.ts';
import { compareEvidence, type Evidence, factNames } from '../evidence/evidence.ts';
import type { Trial } from '../plan/evaluate-techniques.ts';
import { stepTimes } from '../plan/step-model.ts';
import type { Technique } from '../techniques/technique.ts';
import { techniques } from '../techniques/techniques.ts';
import { evidenceOfProfile, type MeasuredProfile, parseMeasuredProfile } from './measured-profile.ts';
import type { JobProfile } from './read-profile.ts';

/** Reads `technique=profile.json`: the changed job, measured as the job of today was. Errors: COST_JOB, COST_FILE, COST_PROFILE. */
export async function readTrials(texts: readonly string[], today: JobProfile): Promise<ReadonlyMap<string, Trial>> {
  const trials = new Map<string, Trial>();
  const { step } = today;
  const { stepS, stallS } = stepTimes(step);
  for (const text of texts) {
    const at = text.indexOf('=');
    const [name, path] = [text.slice(0, at), text.slice(at + 1)];
    const technique = techniques.find((one) => one.name === name);
    if (name === OTHER_HARDWARE) continue;
    if (at < 1 || technique === undefined)
      throw fail('COST_JOB', {
        reason: `the trial ${text} names none of ${techniques.map((one) => one.name).join(', ')}`,
      });
    const changed = await readTrial(path);
    checkTrial(technique, evidenceOfProfile(changed), { ...today.evidence, precision: today.precision });
    const samples = step.accumulation * step.microBatch;
    const changedSamples = changed.accumulation * (changed.microBatch ?? step.microBatch);
    trials.set(name, {
      stepRatio: (changed.gpuBoundStepS / changedSamples) * (samples / (stepS - stallS)),
      loaderRatio:
        step.loaderS > 0
          ? (changed.loaderS / (changed.microBatch ?? step.microBatch)) * (step.microBatch / step.loaderS)
          : 1,
      spread: Math.min(changed.spread, 0.5),
    });
  }
  return trials;
}

async function readTrial(path: string): Promise<MeasuredProfile> {
  const content = await readFile(path, 'utf8').catch((error: unknown) => {
    throw fail(
      'COST_FILE',
      { path, reason: error instanceof Error ? (error.message.split(',')[0] ?? '') : 'unknown' },
      error,
    );
  });
  return parseMeasuredProfile(path, jsonOf(path, content));
}

/** The name of a trial on another accelerator, whose price differs as well. */
const OTHER_HARDWARE = 'other-hardware';

/** The job, measured on another accelerator. */
export interface OtherHardware {
  readonly hardware: string;
  /** Time for a sample there by that of today. */
  readonly sampleRatio: number;
}

/** Reads `other-hardware=profile.json`; null without one. Errors: those of trials. */
export async function readOtherHardware(texts: readonly string[], today: JobProfile): Promise<OtherHardware | null> {
  const text = texts.findLast((one) => one.startsWith(`${OTHER_HARDWARE}=`));
  if (text === undefined) return null;
  const found = await readTrial(text.slice(OTHER_HARDWARE.length + 1));
  const evidence = evidenceOfProfile(found);
  checkTrial({ name: OTHER_HARDWARE, alters: ['hardware'] }, evidence, {
    ...today.evidence,
    precision: today.precision,
  });
  if (evidence.hardware === null)
    throw fail('COST_PROFILE_OTHER', { kind: 'trial', differences: 'the trial does not say its accelerator' });
  const samples = found.accumulation * (found.microBatch ?? today.step.microBatch);
  const todayS = stepTimes(today.step).stepS / (today.step.accumulation * today.step.microBatch);
  return { hardware: evidence.hardware, sampleRatio: found.stepS / samples / todayS };
}

/** A trial is of this job, and of this change. Error: COST_PROFILE_OTHER. */
function checkTrial(
  { name, alters = [] }: Pick<Technique, 'name' | 'alters'>,
  found: Evidence,
  wanted: Evidence,
): void {
  const wrong = compareEvidence('trial', found, wanted, alters)
    .filter(({ state, fact }) => state === 'differs' || fact === 'worldSize' || fact === 'hardware')
    .map(({ text }) => text);
  const unchanged = alters
    .filter((fact) => found[fact] !== null && found[fact] === wanted[fact])
    .map((fact) => `${factNames[fact]}: still "${found[fact]}", which ${name} changes`);
  const all = [...wrong, ...unchanged];
  if (all.length > 0) throw fail('COST_PROFILE_OTHER', { kind: 'trial', differences: all.join('; ') });
}

function jsonOf(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw fail('COST_PROFILE', { path, reason: 'it is not whole JSON' }, error);
  }
}
