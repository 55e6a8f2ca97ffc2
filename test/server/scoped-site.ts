import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileArtifactStore } from '../../src/backends/embedded/artifacts/file-artifact-store.ts';
import { createKey } from '../../src/operating/api-keys.ts';
import { AUDIT_FILE } from '../../src/operating/audit-log.ts';
import { SCOPES, type Scope } from '../../src/operating/scopes.ts';
import { openMlflowContext } from '../../src/server/mlflow/mlflow-context.ts';
import { startRegistryServer } from '../../src/server/mlflow/registry-server.ts';
import { openSqliteRegistry } from '../../src/site/open-registry.ts';

/** A server that needs keys, as its options say it. */
export const beyond = { host: '0.0.0.0', port: 0, tlsAtProxy: true } as const;

/** An environment with a key for each scope, and for some together. */
export interface ScopedSite {
  readonly directory: string;
  /** The header of the key with these scopes. */
  readonly bearer: (...scopes: readonly Scope[]) => string;
  /** The lines of the audit log. */
  readonly audit: () => readonly { readonly what: string; readonly who: string; readonly outcome: string }[];
  readonly openRegistry: (file: string) => Promise<{ readonly url: string; readonly close: () => Promise<void> }>;
}

/** Makes the environment; the caller removes its directory. */
export function scopedSite(together: readonly (readonly Scope[])[] = []): ScopedSite {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-scopes-'));
  const sets = [...SCOPES.map((scope): readonly Scope[] => [scope]), ...together];
  const keys = new Map(
    sets.map((scopes) => [scopes.join(' '), createKey(directory, { name: 'k', scopes, now: 0 }).text]),
  );
  return {
    directory,
    bearer: (...scopes) => `Bearer ${keys.get(scopes.join(' '))}`,
    audit: () => {
      const file = join(directory, AUDIT_FILE);
      if (!existsSync(file)) return [];
      const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
      return lines.map((line) => JSON.parse(line));
    },
    openRegistry: async (file) => {
      const registry = openSqliteRegistry(join(directory, file));
      const onFault = (error: unknown) => void error;
      const context = openMlflowContext({
        registry,
        artifacts: new FileArtifactStore(join(directory, 'artifacts')),
        clock: () => 1_700_000_000_000,
        webhooks: ['https://hooks.example/'],
        checkPromotion: null,
        onFault,
      });
      const server = await startRegistryServer(context, { ...beyond, directory, version: '3.0.0', onFault });
      const close = async () => {
        await server.close();
        await registry.close();
      };
      return { url: server.url.replace('0.0.0.0', '127.0.0.1'), close };
    },
  };
}
