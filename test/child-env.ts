import { compileCache } from '../scripts/compile-cache.ts';

/** The environment of a Node process that a test starts. */
export function childEnv(): NodeJS.ProcessEnv {
  return { ...process.env, ...compileCache };
}
