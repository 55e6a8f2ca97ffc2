import { FileArtifactStore } from '../../../src/backends/embedded/artifacts/file-artifact-store.ts';
import { HeadraceError } from '../../../src/base/errors/fail.ts';
import { openSqliteRegistry } from '../../../src/compose/open-registry.ts';
import { newVersion } from '../../../src/testing/contracts/model-registry.ts';

/** Writes until files may grow no longer; prints the code of the failure and what was acknowledged before, as one JSON line. */
const [what, path = ''] = process.argv.slice(2);
let acknowledged = 0;
try {
  if (what === 'registry') {
    const registry = openSqliteRegistry(path);
    for (;;) {
      await registry.register(newVersion('m', { metrics: { filler: acknowledged, ...filler() } }));
      acknowledged += 1;
    }
  } else {
    const store = new FileArtifactStore(path);
    for (;;) {
      store.put(new Uint8Array(50_000 * (acknowledged + 1)));
      acknowledged += 1;
    }
  }
} catch (error) {
  console.log(JSON.stringify({ acknowledged, code: error instanceof HeadraceError ? error.code : String(error) }));
}

function filler(): Record<string, number> {
  return Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`metric_${i}`, i / 7]));
}
