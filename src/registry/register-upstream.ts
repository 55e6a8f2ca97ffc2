import type { ArtifactStore } from '../ports/artifact-store.ts';
import type { ModelRegistry, VersionFile } from '../ports/model-registry.ts';
import { manifestDigest } from './manifest-digest.ts';
import { oneChunk, storeContent } from './store-content.ts';
import { PROMPT_FILE, type UpstreamFlavor, upstreamMlmodel } from './upstream-flavor.ts';

export interface NewUpstream {
  readonly model: string;
  readonly flavor: UpstreamFlavor;
  /** Of a chat model; null: there is none. */
  readonly prompt: string | null;
  /** Features in the order of the inputs, `a,b,…`; null: the names of the inputs. */
  readonly features: string | null;
  readonly at: number;
}

/** Registers a version that another server answers; returns its number. Errors: those of the stores. */
export async function registerUpstream(
  { registry, artifacts }: { readonly registry: ModelRegistry; readonly artifacts: ArtifactStore },
  { model, flavor, prompt, features, at }: NewUpstream,
): Promise<number> {
  const texts = [
    ['MLmodel', upstreamMlmodel(flavor)] as const,
    ...(prompt === null ? [] : [[PROMPT_FILE, prompt] as const]),
  ];
  const files: VersionFile[] = [];
  for (const [path, text] of texts) {
    const stored = await storeContent({ registry, artifacts }, oneChunk(new TextEncoder().encode(text)), at);
    files.push({ path, ...stored });
  }
  if ((await registry.model(model)) === null)
    await registry.createModel({ name: model, description: '', tags: [], at });
  const { version } = await registry.createVersion({
    model,
    source: '',
    run: '',
    runLink: '',
    loggedModel: '',
    user: '',
    description: `answered by ${flavor.upstream} as ${flavor.model}`,
    tags: features === null ? [] : [{ key: 'headrace.features', value: features }],
    files,
    digest: manifestDigest(files),
    at,
  });
  return version;
}
