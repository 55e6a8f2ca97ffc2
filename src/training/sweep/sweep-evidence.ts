import { existsSync } from 'node:fs';
import { dirname, isAbsolute } from 'node:path';
import { fail } from '../../base/errors/fail.ts';
import { compareEvidence, type Evidence, evidenceOf, evidenceSchema } from '../../cost/evidence/evidence.ts';
import { programFacts } from '../../cost/evidence/program-files.ts';
import type { JournalEntry } from '../runner/journal.ts';
import type { SweepOptions } from './run-sweep.ts';

/** The facts of the losses of a sweep. */
export function sweepEvidence({ sweep, run }: Pick<SweepOptions, 'sweep' | 'run'>): Evidence {
  const program = sweep.command.find((word) => isAbsolute(word) && word.includes('.') && existsSync(word));
  const facts = program === undefined ? { command: [...sweep.command] } : programFacts(sweep.command, dirname(program));
  return evidenceOf({ ...facts, worldSize: run?.ranks ?? 1 });
}

/**
 * Compares the first entry of a journal with the facts of the losses to come. A journal of before says nothing of files, and
 * counts as far as it says something. Error: SWEEP_CHANGED.
 */
export function checkSweepJournal(
  { data }: JournalEntry,
  { declared, evidence, folder }: { readonly declared: string; readonly evidence: Evidence; readonly folder: string },
): void {
  if (data['declared'] !== declared)
    throw fail('SWEEP_CHANGED', { folder, differences: 'its parameters, budget or scheduler' });
  const found = evidenceSchema.safeParse(data['evidence']);
  if (!found.success) return;
  const differences = compareEvidence('losses', found.data, evidence).map(({ text }) => text);
  if (differences.length > 0) throw fail('SWEEP_CHANGED', { folder, differences: differences.join('; ') });
}
