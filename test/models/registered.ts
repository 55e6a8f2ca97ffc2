import type { ArtifactStore } from '../../src/ports/artifact-store.ts';
import type { ModelRegistry } from '../../src/ports/model-registry.ts';
import type { ModelRuntime } from '../../src/ports/model-runtime.ts';
import { RegisteredVersions } from '../../src/versions/cache/registered-versions.ts';
import { VersionCache, type VersionCacheOptions } from '../../src/versions/cache/version-cache.ts';
import type { Runtimes } from '../../src/versions/load/load-version.ts';

/** Bounds of a queue, as those of an environment by default. */
const LIMITS = { mostRows: 16_384, mostRowsOfTenant: 8_192, weights: {} };

/** The loaded versions of a process, which runs them on the calling thread. */
export function cacheOf(runtime: ModelRuntime, options: Partial<VersionCacheOptions & Runtimes> = {}): VersionCache {
  const { thread = null, process = null, tryOut = null, memory = () => 0, ...others } = options;
  return new VersionCache({
    runtimes: { here: runtime, thread, process, tryOut, memory },
    limits: LIMITS,
    budgetBytes: Number.POSITIVE_INFINITY,
    clock: Date.now,
    onFault: (error) => {
      throw error;
    },
    ...others,
  });
}

export interface RegisteredIn extends Partial<VersionCacheOptions & Runtimes> {
  readonly registry: ModelRegistry;
  readonly artifacts: ArtifactStore;
  readonly runtime: ModelRuntime;
}

/** The versions of a registry, as a project without Python holds them. */
export function registeredIn({ registry, artifacts, runtime, ...options }: RegisteredIn): RegisteredVersions {
  return new RegisteredVersions({ registry, artifacts, python: null, versions: cacheOf(runtime, options) });
}
