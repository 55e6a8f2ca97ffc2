import { statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

// `npm run example PATH [-- OPTIONS]`: runs a program of the repository in this process, by its file or by the folder of its main.ts.
const [path, ...options] = process.argv.slice(2);
if (path === undefined) {
  console.error('name a program or its folder, such as examples/first.ts or examples/personalisation');
  process.exitCode = 2;
} else {
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  const file = isFolder ? join(resolve(path), 'main.ts') : resolve(path);
  process.argv.splice(1, process.argv.length, file, ...options);
  await import(pathToFileURL(file).href);
}
