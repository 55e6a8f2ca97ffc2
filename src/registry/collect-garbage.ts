import type { ArtifactStore } from '../ports/artifact-store.ts';
import type { ModelRegistry } from '../ports/model-registry.ts';
import { lineageOf } from './lineage.ts';
import { UPLOADS } from './upload-paths.ts';

/** Claims and unfinished uploads older than this belong to nobody, ms. */
const ABANDONED_MS = 86_400_000;

/** Versions that are read together. */
const PAGE = 1_000;

/** Contents that are looked at together. */
const TOGETHER = 500;

/** The result of a collection. */
export interface Collected {
  /** Contents that were looked at. */
  readonly seen: number;
  readonly erased: number;
  /** Files of uploads that never ended. */
  readonly uploads: number;
}

/**
 * Erases the contents that no path, version, held version or claim needs, while any number of writers work. Interrupted at any point it
 * has erased only such contents, and the next collection erases the others. Errors: those of the stores.
 */
export async function collectGarbage(
  { registry, artifacts }: { readonly registry: ModelRegistry; readonly artifacts: ArtifactStore },
  now: number,
): Promise<Collected> {
  const before = now - ABANDONED_MS;
  const uploads = (await registry.unnameFiles(UPLOADS, before)) + (await artifacts.clearStaged(before));
  const options = { now, claimMs: ABANDONED_MS, erase: (digest: string) => artifacts.erase(digest) };
  const references = await referencesOf(registry);
  let [seen, erased] = [0, 0];
  let part: string[] = [];
  const flush = async () => {
    erased += (await registry.collect(part, options)).length;
    part = [];
  };
  for await (const digest of artifacts.digests()) {
    seen += 1;
    if (references.has(digest)) continue;
    part.push(digest);
    if (part.length >= TOGETHER) await flush();
  }
  await flush();
  return { seen, erased, uploads };
}

/** References that versions name in their lineage or by a tag. */
async function referencesOf(registry: ModelRegistry): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (let offset = 0; ; offset += PAGE) {
    const page = await registry.searchVersions({ filter: [], order: [], offset, limit: PAGE });
    for (const record of page.rows) {
      const { reference } = lineageOf(record);
      if (reference !== null) found.add(reference);
    }
    if (!page.more) return found;
  }
}
