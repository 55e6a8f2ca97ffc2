import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import type { Verification } from './verify-plan.ts';

const line = z.object({
  version: z.literal(1),
  comparisons: z.array(z.object({ what: z.string(), inside: z.boolean() })),
});

/** How often measured numbers were between p10 and p90: a good plan has about 0.8. */
export interface Coverage {
  readonly runs: number;
  readonly inside: number;
  readonly comparisons: number;
  readonly share: number | null;
}

/** Adds a verification to the calibration, one line of JSON, and returns the coverage over all runs; a torn line is left out. */
export async function addToCalibration(path: string, verification: Verification): Promise<Coverage> {
  await mkdir(dirname(path), { recursive: true });
  await appendFile(path, `${JSON.stringify(verification)}\n`);
  const rows = (await readFile(path, 'utf8')).split('\n').flatMap((text) => {
    try {
      const found = line.safeParse(JSON.parse(text));
      return found.success ? [found.data] : [];
    } catch {
      return [];
    }
  });
  const all = rows.flatMap(({ comparisons }) => comparisons);
  const inside = all.filter((one) => one.inside).length;
  return { runs: rows.length, inside, comparisons: all.length, share: all.length === 0 ? null : inside / all.length };
}
