import { trimEndOf } from '../../base/trim-end.ts';
import { isVersionPath } from '../../registry/version-folder.ts';
import { invalid } from './fault.ts';

const LONGEST_PATH = 2_000;
const MOST_DECODINGS = 10;

/**
 * The path of an artefact as it is kept: parts by `/`, none of them empty, `.` or `..`, however it was encoded. Error: MlflowFault,
 * `Invalid path`.
 */
export function artifactName(text: string, { mayBeRoot = false } = {}): string {
  const path = trimEndOf(text, '/');
  if (path === '' && mayBeRoot) return '';
  const refuse = () => invalid(`Invalid path: '${text.slice(0, 200)}'`);
  if (path.length > LONGEST_PATH || !path.isWellFormed()) throw refuse();
  for (let [decoded, i] = [path, 0]; ; i += 1) {
    if (isUnsafe(decoded) || i > MOST_DECODINGS) throw refuse();
    const next = decodedOnce(decoded);
    if (next === decoded) return path;
    decoded = next;
  }
}

/** The path of an artefact that a client writes or removes. Files of versions are read only. */
export function writablePath(text: string): string {
  const path = artifactName(text);
  if (isVersionPath(path))
    throw invalid(`Invalid path: '${path.slice(0, 200)}' belongs to a version, which cannot change`);
  return path;
}

function isUnsafe(path: string): boolean {
  if (path === '' || path.startsWith('/') || path.startsWith('~') || /[\\#]/.test(path)) return true;
  if ([...path].some((character) => character < ' ')) return true;
  if (/^[a-z][a-z0-9+.-]*:/i.test(path)) return true;
  return path.split('/').some((part) => part === '' || part === '.' || part === '..');
}

/** A name may have a per cent sign that encodes nothing: it stays. */
function decodedOnce(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
