import { fail } from '../../base/errors/fail.ts';
import { builtFolder } from '../../environment/own-version.ts';
import { type StaticFile, staticFiles } from './static-files.ts';

const files = staticFiles(builtFolder('console'));

/** Files next to `index.html` that it loads. */
const ASSETS = 'console';

/** The page of the console. Error: SERVER_CONSOLE. */
export function consolePage(): StaticFile {
  const page = files.get('index.html');
  if (page === undefined) throw fail('SERVER_CONSOLE', { reason: 'it is not built' });
  return page;
}

/** A file that the page loads. Error: SERVER_CONSOLE. */
export function consoleAsset(name: string): StaticFile {
  const file = files.get(`${ASSETS}/${name}`);
  if (file !== undefined) return file;
  throw fail('SERVER_CONSOLE', {
    reason: files.isBuilt() ? `there is no file ${name.slice(0, 100)}` : 'it is not built',
  });
}
