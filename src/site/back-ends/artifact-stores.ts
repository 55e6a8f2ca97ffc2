import { embeddedArtifacts } from '../../backends/embedded/artifacts/back-end.ts';
import { s3Artifacts } from '../../backends/s3/back-end.ts';
import type { Environment } from '../../environment/config.ts';
import type { ArtifactFact, ArtifactPlace, OpenArtifacts } from '../../ports/artifact-back-end.ts';
import type { BackEndTable } from '../../ports/back-end-row.ts';

export const artifactStores: BackEndTable<Environment['artifacts'], ArtifactPlace, OpenArtifacts, ArtifactFact> = {
  directory: embeddedArtifacts,
  s3: s3Artifacts,
};
