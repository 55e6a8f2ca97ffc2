import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { FileArtifactStore } from '../../src/backends/embedded/artifacts/file-artifact-store.ts';
import { openEventLog } from '../../src/backends/embedded/log/event-log.ts';
import { fnv1a32 } from '../../src/base/hash/fnv.ts';
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

export const PARTITIONS = 3;
export const VERSIONS = 4;

/** Registers four versions of the small model in a directory; the first is the champion. */
export async function registerVersions(directory: string): Promise<void> {
  mkdirSync(directory, { recursive: true });
  const registry = openSqliteRegistry(registryFile(directory));
  const artifacts = new FileArtifactStore(join(directory, 'artifacts'));
  for (let version = 1; version <= VERSIONS; version += 1) await registerSmall(registry, artifacts, 10 ** -version);
  await registry.moveAlias('small', 'champion', { expected: null, to: 1, at: 0 });
  await registry.close();
}

export function event(i: number, at: number) {
  return { id: `a${i}`, at, name: `n${i % 7}`, number: (i % 23) - 9, gaps: i % 3 === 0 ? null : 0.25, category: i % 6 };
}

/** What the judge found in the topics of a closed environment. */
export interface Verdict {
  readonly records: number;
  readonly outputs: number;
  readonly lost: number;
  readonly double: number;
  readonly wrong: number;
  readonly plans: number;
  readonly versions: readonly number[];
}

interface Entry {
  readonly from: number;
  readonly version: number;
  readonly canary: { readonly version: number; readonly buckets: number; readonly salt: string } | null;
}

/**
 * Reads the topics of a closed environment record by record, folds the control log by its own words, and judges every output. It
 * shares no code with the stream but the reading of the log.
 */
export async function judge(directory: string): Promise<Verdict> {
  const log = await openEventLog({ path: join(directory, 'log'), durability: 'process' });
  try {
    for (const topic of ['asked@1', 'streamed-scores@1']) await log.openTopic(topic, PARTITIONS);
    await log.openTopic('stream-scored-control@1', 1);
    const all = async (topic: string, partition: number) => (await log.read(topic, partition, 0, 10_000_000)).records;
    const map: Entry[][] = Array.from({ length: PARTITIONS }, () => []);
    let [plan, plans]: [
      { plan: number; to: { version: number }; cutOver: { kind: string; buckets: number; salt: string } } | null,
      number,
    ] = [null, 0];
    let acks: (number | null)[] = [];
    for (const { payload } of await all('stream-scored-control@1', 0)) {
      const record = JSON.parse(Buffer.from(payload).toString());
      if (record.kind === 'first')
        for (const entries of map) entries.push({ from: 0, version: record.version.version, canary: null });
      if (record.kind === 'claim') acks[record.partition] = null;
      if (record.kind === 'plan' && plan === null) [plan, acks] = [record, new Array(PARTITIONS).fill(null)];
      if (record.kind === 'ack' && record.plan === plan?.plan) acks[record.partition] = record.ceiling;
      if (record.kind === 'abort') plan = null;
      if (record.kind !== 'commit' || plan === null || acks.includes(null)) continue;
      plans += 1;
      for (const [p, entries] of map.entries()) {
        const canary = plan.cutOver.kind === 'canary-keys' ? { ...plan.cutOver, version: plan.to.version } : null;
        const before = entries[entries.length - 1].version;
        entries.push({ from: record.barriers[p], version: canary === null ? plan.to.version : before, canary });
      }
      plan = null;
    }
    const found = { records: 0, outputs: 0, lost: 0, double: 0, wrong: 0 };
    const versions = new Set<number>();
    for (let p = 0; p < PARTITIONS; p += 1) {
      const inputs = await all('asked@1', p);
      const seen = new Map<number, number>();
      for (const { id, payload } of await all('streamed-scores@1', p)) {
        const output = JSON.parse(Buffer.from(payload).toString());
        found.outputs += 1;
        if (seen.has(output.offset)) found.double += 1;
        seen.set(output.offset, output.version);
        versions.add(output.version);
        const [entry] = map[p].filter(({ from }) => from <= output.offset).slice(-1);
        const key = JSON.stringify([id === '' ? '' : event(Number(id.slice(1)), 0).name]);
        const isCanary =
          entry.canary !== null && fnv1a32(`${entry.canary.salt}\n${key}`) % 10_000 < entry.canary.buckets;
        const wanted = isCanary ? entry.canary?.version : entry.version;
        if (output.version !== wanted || inputs[output.offset]?.id !== id) found.wrong += 1;
      }
      found.records += inputs.length;
      for (let offset = 0; offset < inputs.length; offset += 1) if (!seen.has(offset)) found.lost += 1;
    }
    return { ...found, plans, versions: [...versions].sort((a, b) => a - b) };
  } finally {
    await log.close();
  }
}
