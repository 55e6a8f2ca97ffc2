import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { FileArtifactStore } from '../../src/backends/embedded/artifacts/file-artifact-store.ts';
import type { ArtifactStore } from '../../src/ports/artifact-store.ts';
import type { ModelRegistry } from '../../src/ports/model-registry.ts';
import { type MlflowContextOptions, openMlflowContext } from '../../src/server/mlflow/mlflow-context.ts';
import { startRegistryServer } from '../../src/server/mlflow/registry-server.ts';
import { openSqliteRegistry } from '../../src/site/open-registry.ts';

/** A served registry with its stores. */
export interface RegistrySite {
  readonly url: string;
  readonly directory: string;
  readonly registry: ModelRegistry;
  readonly artifacts: ArtifactStore;
  readonly faults: unknown[];
  readonly deliver: () => Promise<void>;
}

/** Serves a registry in this process until the test ends. */
export async function registrySite(
  kind: 'memory' | 'sqlite' | ModelRegistry,
  options: Partial<Pick<MlflowContextOptions, 'webhooks' | 'checkPromotion' | 'clock'>> & {
    readonly artifacts?: ArtifactStore;
    readonly console?: string;
  } = {},
): Promise<RegistrySite> {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-registry-'));
  const registry =
    typeof kind === 'object'
      ? kind
      : kind === 'memory'
        ? openSqliteRegistry(':memory:')
        : openSqliteRegistry(join(directory, 'registry.sqlite'));
  const artifacts = options.artifacts ?? new FileArtifactStore(join(directory, 'artifacts'));
  const faults: unknown[] = [];
  const onFault = (error: unknown) => faults.push(error);
  const context = openMlflowContext({
    registry,
    artifacts,
    clock: options.clock ?? Date.now,
    webhooks: options.webhooks ?? [],
    checkPromotion: options.checkPromotion ?? null,
    onFault,
  });
  const server = await startRegistryServer(context, {
    host: '127.0.0.1',
    port: 0,
    directory,
    version: '3.0.0',
    ...(options.console === undefined ? {} : { console: options.console }),
    onFault,
  });
  onTestFinished(async () => {
    await server.close();
    await registry.close();
    rmSync(directory, { recursive: true, force: true });
  });
  return { url: server.url, directory, registry, artifacts, faults, deliver: context.deliver };
}

/** Calls a route with JSON; returns status and body. */
export async function call(
  site: Pick<RegistrySite, 'url'>,
  method: string,
  path: string,
  body?: unknown,
): Promise<{ readonly status: number; readonly json: unknown }> {
  const response = await fetch(`${site.url}/api/2.0${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
  const text = await response.text();
  return { status: response.status, json: text === '' ? null : JSON.parse(text) };
}
