import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Frees the memory of chunks that nothing refers to any longer. DuckDB counts it until V8 collects the objects, and V8 does not
 * know how large they are: without this, one failed query could make all that follow fail.
 */
export async function freeChunks(): Promise<void> {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect === 'function') collect();
  // Finalizers run in a later turn.
  await new Promise((done) => setImmediate(done));
}
