import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { compareTables } from '../../src/monitoring/detect/compare-tables.ts';
import { openTableFile } from '../../src/site/table-files.ts';

const folder = mkdtempSync(join(tmpdir(), 'headrace-few-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function table(name: string, rows: readonly string[]) {
  const path = join(folder, `${name}.csv`);
  writeFileSync(path, `amount,kind\n${rows.join('\n')}\n`);
  return openTableFile(path);
}

/** Rows that are faults in any window that has enough of them. */
const odd = { missing: ',', unit: '250000,a', sign: '-700,a', unseen: '100,A', infinite: 'inf,a' };

test.each(Object.entries(odd))('a window of one to four rows is no fault, whatever they are: %s', async (_, row) => {
  const usual = Array.from({ length: 1_500 }, (_, i) => `${100 + ((i * 37) % 211)}.5,${'abc'[i % 3]}`);
  const reference = await table('reference', usual);
  try {
    for (const rows of [1, 2, 4]) {
      const current = await table('current', Array(rows).fill(row));
      const { faults, verdict } = await compareTables(reference, current, {
        rule: { kind: 'default' },
        windowsPerDay: 1,
        slice: null,
        time: null,
        season: 'auto',
        ignore: [],
        features: [],
      });
      await current.close();
      expect({ faults, verdict }).toEqual({ faults: [], verdict: 'insufficient' });
    }
  } finally {
    await reference.close();
  }
});
