import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { FileArtifactStore } from '../../src/backends/embedded/artifacts/file-artifact-store.ts';
import { openEventLog } from '../../src/backends/embedded/log/event-log.ts';
import { openSqliteRegistry, registryFile } from '../../src/compose/open-registry.ts';
import { defineProject, streamInference } from '../../src/features/define/declare.ts';
import { asked, came, registerSmall, small } from '../models/small-project.ts';
import { type FoundRecord, judgeRecords, type Verdict } from './stream-judge.ts';

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

/** Judges the topics of a closed environment. */
export async function judge(directory: string): Promise<Verdict> {
  const log = await openEventLog({ path: join(directory, 'log'), durability: 'process' });
  try {
    const all = async (topic: string, partitions: number) => {
      await log.openTopic(topic, partitions);
      const found: FoundRecord[] = [];
      for (let partition = 0; partition < partitions; partition += 1)
        for (const [offset, { id, payload }] of (await log.read(topic, partition, 0, 10_000_000)).records.entries())
          found.push({ partition, offset, id, payload: Buffer.from(payload).toString() });
      return found;
    };
    return judgeRecords({
      partitions: PARTITIONS,
      inputs: await all('asked@1', PARTITIONS),
      outputs: await all('streamed-scores@1', PARTITIONS),
      control: await all('stream-scored-control@1', 1),
      keyOf: (id) => event(Number(id.slice(1)), 0).name,
    });
  } finally {
    await log.close();
  }
}
