import { FileArtifactStore } from '../../../src/backends/embedded/artifacts/file-artifact-store.ts';

/** Puts ever other large artefacts and prints the digest of each that was acknowledged, until it is killed. */
const store = new FileArtifactStore(process.argv[2] ?? '');
for (let i = 0; ; i += 1) console.log(store.put(new Uint8Array(1_500_000).fill(i % 251)));
