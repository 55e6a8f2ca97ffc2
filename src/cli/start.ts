#!/usr/bin/env node
// Nothing is imported before the version is known: an older Node fails on the first module that it lacks.
export {};

/** The least version of Node, as in `engines` of package.json. */
const LEAST = [22, 22] as const;

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < LEAST[0] || (major === LEAST[0] && minor < LEAST[1])) {
  process.stderr.write(
    `headrace needs Node ${LEAST.join('.')} or newer, and ${process.execPath} is Node ${process.versions.node}: install a newer Node.\n`,
  );
  process.exitCode = 2;
} else await import('./main.ts');
