import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { addNumber, addText, createColumnSketch } from '../../../src/monitoring/profile/column-sketch.ts';
import { decodeFrequentItems } from '../../../src/monitoring/profile/datasketches-frequent-items.ts';
import { decodeHll } from '../../../src/monitoring/profile/datasketches-hll.ts';
import { createProfile } from '../../../src/monitoring/profile/profile.ts';
import { encodeProfile } from '../../../src/monitoring/profile/profile-bytes.ts';
import { runCli } from '../../cli/run-cli.ts';

interface Reading {
  readonly sha256: string;
  readonly n?: number;
  readonly k?: number;
  readonly lgK?: number;
  readonly estimate?: number;
  readonly active?: number;
  readonly quantiles?: readonly number[];
  readonly estimates?: Readonly<Record<string, number>>;
}

/** The readings of datasketches 5.2.0 itself, by `scripts/yardstick/read_sketches.py`, with a digest of the bytes that it read. */
const golden = JSON.parse(readFileSync(new URL('datasketches-5.2.0.json', import.meta.url), 'utf8')) as Readonly<
  Record<string, Reading>
>;

const SIZES = [0, 1, 7, 200, 5_000, 50_000];

/** Numbers and texts of several sizes: a list, a whole sketch, one that has dropped texts. */
function written(): string {
  const folder = mkdtempSync(join(tmpdir(), 'headrace-sketches-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const profile = createProfile();
  for (const size of SIZES) {
    const number = createColumnSketch('number');
    const text = createColumnSketch('text');
    for (let i = 0; i < size; i += 1) {
      addNumber(number, (i * 7919) % 10_007);
      addText(text, i % 5 === 0 ? 'Köln' : i % 5 === 1 ? '' : `id${i % Math.max(1, size >> 1)}`);
    }
    profile.columns.set(`n${size}`, number);
    profile.columns.set(`t/${size}`, text);
  }
  writeFileSync(join(folder, 'all.profile'), encodeProfile(profile));
  return folder;
}

test('sketches that are written are those that datasketches 5.2.0 read: counts, quantiles, estimates, frequent texts', async () => {
  const folder = written();
  const out = join(folder, 'sketches');
  expect(await runCli(folder, ['drift', 'sketches', 'all.profile', 'sketches', '--json'])).toMatchObject({ code: 0 });
  const digests = Object.fromEntries(
    readdirSync(out).map((name) => [
      name,
      createHash('sha256')
        .update(readFileSync(join(out, name)))
        .digest('hex'),
    ]),
  );
  expect(digests).toEqual(Object.fromEntries(Object.entries(golden).map(([name, { sha256 }]) => [name, sha256])));
  for (const size of SIZES) {
    const kll = golden[`n${size}.kll`];
    expect([kll.n, kll.k]).toEqual([size, 256]);
    if (size === 50_000)
      for (const [i, share] of [0.1, 0.5, 0.9].entries())
        expect(Math.abs((kll.quantiles?.[i] ?? 0) / 10_007 - share)).toBeLessThan(0.02);
    const hll = golden[`n${size}.hll`];
    expect(Math.abs((hll.estimate ?? 0) - Math.min(size, 10_007))).toBeLessThanOrEqual(0.05 * size);
    const texts = golden[`t%2F${size}.fi`];
    expect(texts.n).toBe(size);
    expect(texts.estimates?.['Köln']).toBe(Math.ceil(size / 5));
    const own = decodeFrequentItems(readFileSync(join(out, `t%2F${size}.fi`)), 'string');
    expect([own.n, own.weights.size]).toEqual([size, texts.active]);
    const estimate = decodeHll(readFileSync(join(out, `n${size}.hll`))).estimate;
    expect(Math.abs(estimate - (hll.estimate ?? 0))).toBeLessThanOrEqual(0.01 * Math.max(1, estimate));
  }
});
