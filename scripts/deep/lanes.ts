import { globSync } from 'node:fs';
import { basename } from 'node:path';
import { root } from '../run-command.ts';

/**
 * What `npm run test:deep` runs together and proves together: the suites of one engine or tool, the full examples, the full
 * searches. `all` has the suites that need several engines.
 */
export const laneNames = [
  ...(['redis', 'kafka', 'flink', 'spark', 'postgres', 'objects', 'browser', 'mlflow', 'torch'] as const),
  ...(['examples', 'searches', 'all'] as const),
];

export type LaneName = (typeof laneNames)[number];

/** The lanes that have no suite of services. */
export const withoutSuites: readonly LaneName[] = ['examples', 'searches'];

/** Folders whose every change ends the proof of a lane. */
export const ownFolders: Readonly<Record<LaneName, readonly string[]>> = {
  redis: ['src/backends/redis'],
  kafka: ['src/backends/kafka'],
  flink: ['src/backends/flink'],
  spark: ['src/backends/spark'],
  postgres: ['src/backends/postgres'],
  objects: ['src/backends/s3'],
  browser: ['console/src'],
  mlflow: ['src/server/mlflow'],
  torch: ['src/training/runner'],
  examples: ['examples/flights'],
  searches: ['src/testing/arbitraries'],
  all: ['src/backends/slurm'],
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
  [/^(alertmanager|engine-parity|kubernetes|many-busy-rows|python-client|skypilot|slurm|verify)\b/, 'all'],
  [/^(artifacts|s3)\b/, 'objects'],
  [/^(console|labs)\b/, 'browser'],
  [/^(mlflow|model-processes|python-batch|python-models)\b/, 'mlflow'],
  [/^(registry-postgres|rollouts-postgres|shared-monitor)\b/, 'postgres'],
  [/^(torch2?|triton-examples)\b/, 'torch'],
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
