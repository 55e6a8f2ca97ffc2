import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import { fail } from '../base/errors/fail.ts';
import { reasonOf } from '../base/reason-of.ts';
import { replaceFile } from '../files/replace-file.ts';
import type { StepState } from './step-state.ts';

const FORMAT = 1;

const numbers = z.record(z.string(), z.number());
const run = z.object({ at: z.number(), seed: z.number(), figures: numbers, losses: numbers });
const tried = z.array(z.string());
const state = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('measured'), run, tried }),
  z.object({ kind: z.literal('passed'), run, tried: tried.min(1) }),
]);
const fileForm = z.object({ format: z.number(), labs: z.record(z.string(), z.record(z.string(), state)) });

/** Steps that have a measurement, by lab and step. Others begin again with a process. */
export type KeptSteps = z.output<typeof fileForm>['labs'];

/** Reads the progress of an environment; none where there is no file. Errors: LABS_FILE, LABS_FORMAT. */
export function readLabsFile(path: string): KeptSteps {
  if (!existsSync(path)) return {};
  const refuse = (reason: string, cause?: unknown) => fail('LABS_FILE', { path, reason }, cause);
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw refuse(reasonOf(error), error);
  }
  const format = z.object({ format: z.number() }).safeParse(json);
  if (format.success && format.data.format !== FORMAT)
    throw fail('LABS_FORMAT', { path, format: format.data.format, known: FORMAT });
  const found = fileForm.safeParse(json);
  if (!found.success) throw refuse(found.error.issues[0].message, found.error);
  return found.data.labs;
}

/** Writes the progress of an environment. Error: LABS_FILE. */
export function writeLabsFile(path: string, states: ReadonlyMap<string, ReadonlyMap<string, StepState>>): void {
  const labs = Object.fromEntries(
    [...states].map(([lab, steps]) => [
      lab,
      Object.fromEntries([...steps].filter(([, { kind }]) => kind === 'measured' || kind === 'passed')),
    ]),
  );
  try {
    mkdirSync(dirname(path), { recursive: true });
    replaceFile(path, `${JSON.stringify({ format: FORMAT, labs })}\n`);
  } catch (error) {
    throw fail('LABS_FILE', { path, reason: reasonOf(error) }, error);
  }
}
