import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A variable of Node processes: code that one process of the gate has compiled serves the next. */
export const compileCache = {
  NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? join(tmpdir(), 'headrace-compile-cache'),
};
