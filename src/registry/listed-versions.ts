import type { ModelRegistry, ModelSignature, ModelVersion, VersionRecord } from '../ports/model-registry.ts';
import { loggedVersion } from './logged-version.ts';
import { runOfVersion } from './run-of-version.ts';

/** A version in the list of its model, whoever registered it. */
export interface ListedVersion extends Omit<ModelVersion, 'signature' | 'parity'> {
  /** trained: a training job of this program registered it. logged: another program did. */
  readonly origin: 'trained' | 'logged';
  readonly aliases: readonly string[];
  /** The run that logged it; null: nobody said. */
  readonly run: string | null;
  /** null: a logged version has its signature in its files. */
  readonly signature: ModelSignature | null;
  /** null: a logged version has no parity rows. */
  readonly parity: string | null;
}

const PAGE = 1_000;

/** All versions of a model in the order of their numbers: those of training jobs, and those that other programs logged. */
export async function listedVersions(registry: ModelRegistry, model: string): Promise<readonly ListedVersion[]> {
  const filter = [{ field: { of: 'attribute', key: 'name' }, comparison: '=', value: model }] as const;
  const found: ListedVersion[] = [];
  for (let offset = 0; ; offset += PAGE) {
    const page = await registry.searchVersions({ filter, order: [], offset, limit: PAGE });
    for (const record of page.rows) found.push(await listed(registry, record));
    if (!page.more) return found.sort((a, b) => a.version - b.version);
  }
}

async function listed(registry: ModelRegistry, record: VersionRecord): Promise<ListedVersion> {
  const { trained, aliases } = record;
  if (trained !== null) return { ...trained, origin: 'trained', aliases, run: null };
  const run = await runOfVersion(registry, record);
  const metrics = (run?.metrics ?? []).filter(({ value }) => Number.isFinite(value));
  const noSignature = { features: [], input: '', output: '' };
  const version = loggedVersion(record, noSignature, Object.fromEntries(metrics.map(({ key, value }) => [key, value])));
  return { ...version, origin: 'logged', aliases, run: run?.info.id ?? null, signature: null, parity: null };
}
