import { join } from 'node:path';
import type { z } from 'zod';
import type { ArtifactFact, ArtifactPlace, OpenArtifacts } from '../../../ports/artifact-back-end.ts';
import type { BackEndRow } from '../../../ports/back-end-row.ts';
import { directoryOptions } from '../options.ts';
import { FileArtifactStore } from './file-artifact-store.ts';

/** Artefacts as files of the directory. */
export const embeddedArtifacts: BackEndRow<
  z.output<typeof directoryOptions>,
  ArtifactPlace,
  OpenArtifacts,
  ArtifactFact
> = {
  kind: 'directory',
  folder: 'embedded',
  is: 'files of the directory, within its disk budget',
  options: directoryOptions,
  facts: [],
  open: (_, { directory }) => new FileArtifactStore(join(directory, 'artifacts')),
};
