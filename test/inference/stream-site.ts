import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type FoundTopics, judgeRecords, type Verdict } from '../../examples/inference/judge.ts';
import { readTopic } from '../../examples/inference/read-topic.ts';
import { FileArtifactStore } from '../../src/backends/embedded/artifacts/file-artifact-store.ts';
import { openSqliteRegistry, registryFile } from '../../src/compose/open-registry.ts';
import { defineProject, streamInference } from '../../src/features/define/declare.ts';
import { asked, came, registerSmall, small } from '../models/small-project.ts';

/** A stream that scores every event of `asked`. */
export const project = defineProject('p', {
  asked,
  came,
  small,
  scored: streamInference('scored', { model: small, from: asked, to: 'scores' }),
});

/** A stream whose records an engine elsewhere reads. */
const answered = streamInference('answered', { model: small, from: asked, to: 'answers', scoredBy: 'engine' });

/** Both kinds of streams. */
export const engineProject = defineProject('p', {
  asked,
  came,
  small,
  scored: streamInference('scored', { model: small, from: asked, to: 'scores' }),
  answered,
});

/** The stream of engines alone. */
export const answeredProject = defineProject('p', { asked, came, small, answered });

export const PARTITIONS = 3;
export const VERSIONS = 4;

/** Registers four versions of the small model in a directory; the first is the champion. `base`: of the strengths of their training. */
export async function registerVersions(directory: string, base = 10): Promise<void> {
  mkdirSync(directory, { recursive: true });
  const registry = openSqliteRegistry(registryFile(directory));
  const artifacts = new FileArtifactStore(join(directory, 'artifacts'));
  for (let version = 1; version <= VERSIONS; version += 1) await registerSmall(registry, artifacts, base ** -version);
  await registry.moveAlias('small', 'champion', { expected: null, to: 1, at: 0 });
  await registry.close();
}

export function event(i: number, at: number) {
  return { id: `a${i}`, at, name: `n${i % 7}`, number: (i % 23) - 9, gaps: i % 3 === 0 ? null : 0.25, category: i % 6 };
}

/** Judges the topics of a closed environment, as they are in its segment files. */
export function judge(directory: string): Verdict {
  return judgeRecords(foundTopics(directory));
}

/** The topics of the stream `scored`. */
export function foundTopics(directory: string): FoundTopics {
  const log = join(directory, 'log');
  return {
    partitions: PARTITIONS,
    inputs: readTopic(log, 'asked@1'),
    outputs: readTopic(log, 'streamed-scores@1'),
    control: readTopic(log, 'stream-scored-control@1'),
    keyOf: (id) => [event(Number(id.slice(1)), 0).name],
  };
}
