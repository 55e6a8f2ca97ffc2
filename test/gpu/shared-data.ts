import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { readTraceFile } from '../../src/gpu/readers/trace/read-trace.ts';
import type { Trace } from '../../src/gpu/trace/trace.ts';

const FOLDER = resolve('../shared/data/gpu');

/** Whether the recorded captures with known answers are there; they are not part of the repository. */
export const hasSharedData = existsSync(FOLDER);

/** Behind the name of such a suite: why it does not run. */
export const whySkipped = hasSharedData ? '' : ` (skipped: ${FOLDER} is absent)`;

export function sharedPath(path: string): string {
  return `${FOLDER}/${path}`;
}

export function sharedText(path: string): string {
  const bytes = readFileSync(sharedPath(path));
  return (bytes[0] === 0x1f ? gunzipSync(bytes) : bytes).toString();
}

export function sharedNames(folder: string): readonly string[] {
  return hasSharedData ? readdirSync(sharedPath(folder)) : [];
}

const traces = new Map<string, Promise<Trace>>();

/** A recorded trace, read once per test file: the one whose name begins so. */
export function sharedTrace(start: string): Promise<Trace> {
  const name = sharedNames('torch_trace').find((known) => known.startsWith(start));
  if (name === undefined) throw new Error(`there is no recorded trace ${start}`);
  const known = traces.get(name) ?? readTraceFile(sharedPath(`torch_trace/${name}`));
  traces.set(name, known);
  return known;
}
