import { fail } from '../../base/errors/fail.ts';
import { sha256Hex } from '../../base/hash/sha256.ts';
import { startOwn } from '../../process/start-child.ts';

/** A file that is not open after this time is refused, ms. */
const LONGEST_MS = 60_000;

/** Output that is read of the child, bytes. */
const LONGEST_REASON = 2_000;

/** Files that have been opened without harm, by digest. */
const known = new Set<string>();

/**
 * Opens a file in a child process: a file that crashes the library, or never opens, harms only that. Error: MODEL_FILE.
 */
export async function tryOutOnnx(file: Uint8Array): Promise<void> {
  const digest = sha256Hex(file);
  if (known.has(digest)) return;
  const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  // Only what a process needs to start: no secret of this one.
  const env = {
    PATH: process.env['PATH'] ?? '',
    ...(process.platform === 'win32' ? { SystemRoot: process.env['SystemRoot'] ?? '' } : {}),
  };
  const child = startOwn(new URL(`./try-out-worker${ending}`, import.meta.url), [], {
    env,
    stdio: ['pipe', 'pipe', 'ignore'],
    limitMs: LONGEST_MS,
  });
  let said = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(0, LONGEST_REASON);
  });
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(file);
  const how = await new Promise<string | number>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(signal ?? code ?? 1));
  });
  if (how !== 0) throw fail('MODEL_FILE', { reason: said === '' ? `opening it ended a process with ${how}` : said });
  known.add(digest);
}
