import { join } from 'node:path';
import type { ArtifactStore } from '../../ports/artifact-store.ts';
import type { BackEndRow } from '../../ports/back-end-row.ts';
import type { PythonRuntime } from '../../ports/python-runtime.ts';
import { type PythonOptions, pythonOptions } from './options.ts';
import type { OnnxCandidate } from './python-model.ts';

/** An environment as its Python programs see it. */
export interface PythonPlace {
  readonly directory: string;
  readonly artifacts: ArtifactStore;
  /** Whether a file has the tensors of a model and answers its rows as the model does. */
  readonly holds: (candidate: OnnxCandidate) => Promise<boolean>;
}

/** `apart`: a crash ends a child process, and no server. */
export type RuntimeFact = 'apart';

/** Versions that are Python programs. Its code is loaded when it opens: batch workers start often, and most run no Python. */
export const pythonPrograms: BackEndRow<PythonOptions, PythonPlace, Promise<PythonRuntime>, RuntimeFact> = {
  kind: 'python',
  folder: 'python',
  is: 'Python programs in processes of their own, with the packages that they name',
  options: pythonOptions,
  facts: ['apart'],
  open: async (options, { directory, artifacts, holds }) => {
    const { ProcessPythonRuntime } = await import('./python-runtime.ts');
    const { secretFolders } = await import('./isolation.ts');
    const runtime = new ProcessPythonRuntime({
      options,
      directory: join(directory, 'python'),
      hidden: secretFolders(directory),
      artifacts,
      monotonic: () => performance.now(),
      holds,
    });
    await runtime.clear();
    return runtime;
  },
};
