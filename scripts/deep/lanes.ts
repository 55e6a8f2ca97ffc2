import { globSync } from 'node:fs';
import { basename } from 'node:path';
import { root } from '../run-command.ts';

/** What `npm run test:deep` runs together and proves together; `all` has what needs several engines, and the full `npm start`. */
export const laneNames = ['redis', 'kafka', 'flink', 'spark', 'all'] as const;

export type LaneName = (typeof laneNames)[number];

/** Folders whose every change ends the proof of a lane. */
export const ownFolders: Readonly<Record<LaneName, readonly string[]>> = {
  redis: ['src/backends/redis'],
  kafka: ['src/backends/kafka'],
  flink: ['src/backends/flink'],
  spark: ['src/backends/spark'],
  all: ['examples/flights'],
};

/** Folders that every lane runs; the proof of each ends when they have too many commits after it. */
export const sharedFolders: readonly string[] = [
  ...['aggregate', 'engine', 'plan', 'slide', 'sql', 'tile'].map((name) => `src/features/${name}`),
  ...['backfill', 'ingest', 'materialise', 'training-set'].map((name) => `src/featurestore/${name}`),
  'src/ports',
  'src/site',
];

/** The lane of a suite by the begin of its name; the first that fits. A suite that none names is one of redis. */
const lanesByName: readonly (readonly [RegExp, LaneName])[] = [
  [/^(alertmanager|console|engine-parity|kubernetes|python-client|s3|skypilot|slurm|torch|verify)\b/, 'all'],
  [/^(kafka|topics)\b/, 'kafka'],
  [/^(flink|migrate|tile-writers)\b/, 'flink'],
  [/^spark\b/, 'spark'],
];

function laneOf(suite: string): LaneName {
  return lanesByName.find(([pattern]) => pattern.test(basename(suite)))?.[1] ?? 'redis';
}

/** Every suite that needs running services, from the root. */
export function allSuites(): readonly string[] {
  return globSync('test/services/*.test.ts', { cwd: root }).sort();
}

export function suitesOf(lane: LaneName): readonly string[] {
  return allSuites().filter((suite) => laneOf(suite) === lane);
}
