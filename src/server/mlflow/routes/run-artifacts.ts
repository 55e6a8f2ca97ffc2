import type { ModelRegistry } from '../../../ports/model-registry.ts';
import { artifactPath } from '../../../registry/version-source.ts';
import { accesses } from '../accesses.ts';
import { artifactName } from '../artifact-name.ts';
import { MlflowFault } from '../fault.ts';
import { type JsonRoute, route } from '../mlflow-route.ts';
import { listed } from '../wire.ts';
import { absentRun, runId } from './runs.ts';

/** Lists of artefacts by run, as old clients and the UI read them. */
export const runArtifactRoutes: readonly JsonRoute[] = [
  route('GET', '/mlflow/artifacts/list', accesses.reads, async ({ registry }, { message }) => {
    const id = runId(message);
    const run = await registry.run(id);
    if (run === null) throw absentRun(id);
    return {
      root_uri: run.info.artifactUri,
      ...(await folderAnswer(registry, run.info.artifactUri, message.text('path'))),
    };
  }),
];

/** The files of a folder below an address, with paths relative to the address. */
export async function folderAnswer(registry: ModelRegistry, uri: string, folder: string) {
  const root = artifactPath(uri);
  if (root === null)
    throw new MlflowFault(
      'NOT_IMPLEMENTED',
      `Artifacts at '${uri}' are not kept by this server. List them with the client of their store.`,
    );
  const below = artifactName(folder, { mayBeRoot: true });
  const entries = await registry.folder(below === '' ? root : `${root}/${below}`);
  const files = entries.map(({ name, isFolder, sizeBytes }) => ({
    path: below === '' ? name : `${below}/${name}`,
    is_dir: isFolder,
    ...(sizeBytes === null ? {} : { file_size: sizeBytes }),
  }));
  return listed('files', files);
}
