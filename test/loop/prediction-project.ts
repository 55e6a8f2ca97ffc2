import { join } from 'node:path';
import { FileArtifactStore } from '../../src/backends/embedded/artifacts/file-artifact-store.ts';
import type { EnvironmentOptions } from '../../src/environment/config.ts';
import { defineProject } from '../../src/features/define/declare.ts';
import { openHeadrace } from '../../src/running/headrace.ts';
import { openSqliteRegistry } from '../../src/site/open-registry.ts';
import { asked, came, registerSmall, service, small } from '../models/small-project.ts';

/** A model whose process is killed while it predicts. */
export const project = defineProject('predictions', { asked, came, service, small });

/** `memory`: left out, all ids that wait for labels fit into it. */
export const environmentIn = (directory: string, memory?: string): EnvironmentOptions => ({
  directory,
  partitions: 3,
  ...(memory === undefined ? {} : { memory }),
});

/** Gives the model of a new environment a champion. */
export async function prepare(directory: string): Promise<void> {
  const headrace = await openHeadrace({ project, environment: environmentIn(directory) });
  const registry = openSqliteRegistry(join(directory, 'registry.sqlite'));
  await registerSmall(registry, new FileArtifactStore(join(directory, 'artifacts')), 0.3);
  await registry.close();
  await headrace.promote(small, 1);
  await headrace.close();
}
