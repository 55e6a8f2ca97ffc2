import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The environment of a Node process that a test starts: what one process has compiled serves the next, and a slow machine says nothing more. */
export function childEnv(): NodeJS.ProcessEnv {
  return { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), 'headrace-compile-cache'), HEADRACE_QUIET: '1' };
}
