import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';

/** The real inputs with known answers are next to the checkout; where they are absent, tests over them are skipped aloud. */
const FOLDER = resolve('../shared/data/features');

export const hasSharedData = existsSync(FOLDER);

/** Behind the name of such a test: why it does not run. */
export const whySkipped = hasSharedData ? '' : ` (skipped: ${FOLDER} is absent)`;

/** The text of a file, unpacked if its name ends in .gz. */
export function sharedText(name: string): string {
  const bytes = readFileSync(resolve(FOLDER, name));
  return (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
}

/** The rows of a CSV file by column name; quoted fields may hold commas and doubled quotes, not line breaks. */
export function* csvRows(text: string): Generator<Readonly<Record<string, string>>> {
  let header: readonly string[] | null = null;
  for (const line of text.split(/\r?\n/)) {
    if (line === '') continue;
    const fields = line.includes('"') ? quotedFields(line) : line.split(',');
    if (header === null) header = fields;
    else yield Object.fromEntries(header.map((name, i) => [name, fields[i] ?? '']));
  }
}

function quotedFields(line: string): readonly string[] {
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(([, quoted, plain]) =>
    quoted === undefined ? (plain ?? '') : quoted.replaceAll('""', '"'),
  );
}
