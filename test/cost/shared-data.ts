import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { readSpotTrace } from '../../src/cost/spot/trace/read-spot-trace.ts';
import type { SpotTrace } from '../../src/cost/spot/trace/spot-trace.ts';
import { csvFields, linesOf } from '../../src/gpu/readers/csv.ts';

const FOLDER = resolve('../shared/data/cost');

/** Whether the recorded traces, prices and expected answers are there; they are not part of the repository. */
export const hasCostData = existsSync(FOLDER);

/** After the name of such a suite: why it does not run. */
export const whySkipped = hasCostData ? '' : ` (skipped: ${FOLDER} is absent)`;

/** A larger part of the work of a suite: 1 is all of it. */
export const costScale = Number(process.env['HEADRACE_COST_SCALE'] ?? '0.1');

export function costPath(path: string): string {
  return `${FOLDER}/${path}`;
}

export function costText(path: string): string {
  const bytes = readFileSync(costPath(path));
  return (bytes[0] === 0x1f ? gunzipSync(bytes) : bytes).toString();
}

/** The rows of a CSV file by column. */
export function costRows(path: string): readonly Readonly<Record<string, string>>[] {
  const [header = '', ...lines] = linesOf(costText(path)).filter((line) => line !== '');
  const names = csvFields(header);
  return lines.map((line) => Object.fromEntries(csvFields(line).map((field, index) => [names[index] ?? '', field])));
}

const traces = new Map<string, Promise<SpotTrace>>();

/** A recorded trace of the data set in which 1 is available, gzip or not. */
export function recordedTrace(name: string): Promise<SpotTrace> {
  const plain = costPath(`spot_traces/skypilot/${name.replace(/\.json$/, '')}.json`);
  const known =
    traces.get(plain) ?? readSpotTrace(existsSync(plain) ? plain : `${plain}.gz`, { polarity: 'available' });
  traces.set(plain, known);
  return known;
}
