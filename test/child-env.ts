import { compileCache } from '../scripts/compile-cache.ts';

/** The environment of a Node process that a test starts: what one process has compiled serves the next, and a slow machine says nothing more. */
export function childEnv(): NodeJS.ProcessEnv {
  return { ...process.env, ...compileCache, HEADRACE_QUIET: '1' };
}
