import { createReadStream, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { jobFolderName } from './batch-folder.ts';
import { readIfThere } from './durable-file.ts';
import { parseBatchFile, partManifestSchema } from './part-manifest.ts';

/** A row of a batch that was given up, and the file that keeps it. */
export interface DeadRow {
  readonly file: string;
  /** Its number in the input, from 0. */
  readonly row: number;
  readonly code: string;
  readonly reason: string;
  /** Null: missing. */
  readonly features: Readonly<Record<string, unknown>>;
}

const line = z.object({
  row: z.int(),
  code: z.string(),
  reason: z.string(),
  features: z.record(z.string(), z.unknown()),
});

/**
 * Rejected rows of a job whose output is a folder of this machine, in their order: those of a finished data set, or of the parts that
 * are published so far, also of a job that failed. Error: PREDICT_MANIFEST.
 */
export async function readDeadRows(output: string, job: string, most: number): Promise<readonly DeadRow[]> {
  const found: DeadRow[] = [];
  for (const file of quarantineFiles(output, job)) {
    if (found.length >= most) break;
    for await (const text of createInterface(createReadStream(file))) {
      found.push({ file, ...parseBatchFile(line, text, file) });
      // The rest of the file is not read.
      if (found.length >= most) break;
    }
  }
  return found;
}

function quarantineFiles(output: string, job: string): readonly string[] {
  const finished = join(output, '_quarantine');
  const whole = namesIn(finished).filter((name) => name.endsWith('.ndjson'));
  if (whole.length > 0) return whole.map((name) => join(finished, name));
  const unfinished = join(dirname(output), `.${basename(output)}.headrace`, 'job');
  const folder = [output, unfinished]
    .map((place) => join(place, jobFolderName(job)))
    .find((place) => namesIn(join(place, 'parts')).length > 0);
  if (folder === undefined) return [];
  // Only the manifests say which attempt counts.
  return namesIn(join(folder, 'parts')).flatMap((name) => {
    const path = join(folder, 'parts', name);
    const { part } = parseBatchFile(partManifestSchema, readIfThere(path) ?? '', path);
    return part.quarantine === null ? [] : [join(folder, part.quarantine.file)];
  });
}

/** Names in a folder, in order; none of one that is not there. */
function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).toSorted();
  } catch {
    return [];
  }
}
