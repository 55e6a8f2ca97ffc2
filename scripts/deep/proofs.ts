import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { laneNames } from './lanes.ts';

const proof = z.strictObject({
  /** The commit whose suites passed. */
  commit: z.string().regex(/^[0-9a-f]{40}$/),
  passed: z.int().positive(),
  skipped: z.int().nonnegative(),
  /** How long it took, rounded up. */
  minutes: z.int().positive(),
  /** What each suite and program of it took, rounded up: the next run says by them how long it still takes. */
  seconds: z.record(z.string(), z.int().positive()),
  date: z.iso.date(),
});

const proofs = z.partialRecord(z.enum(laneNames), proof);

export type Proof = z.infer<typeof proof>;

/** The last run of each lane that passed; a lane without one was never proven. */
export type Proofs = z.infer<typeof proofs>;

/** Reads `.ci/proven.json` below a folder; throws where it is absent or of another form. */
export async function readProofs(folder: string): Promise<Proofs> {
  return proofs.parse(JSON.parse(await readFile(placeIn(folder), 'utf8')));
}

export async function writeProofs(folder: string, all: Proofs): Promise<void> {
  await writeFile(placeIn(folder), `${JSON.stringify(all, null, 2)}\n`);
}

function placeIn(folder: string): string {
  return join(folder, '.ci', 'proven.json');
}
