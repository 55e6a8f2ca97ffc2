import { fail } from '../../base/errors/fail.ts';
import { runToEnd } from '../../process/run-to-end.ts';

/** The last lines of npm that say why it failed. */
const REASON_LINES = 3;

/** Lines that say nothing to a person: numbers of the system, warnings, the place of the log. */
const NOISE = /^npm warn|^(?:code|errno|syscall|type|address|port) |complete log of this run|\.log$/;

/** npm, as a program that can be started on every system. */
const NPM = process.platform === 'win32' ? ['cmd', '/c', 'npm'] : ['npm'];

interface Install {
  readonly signal: AbortSignal;
  readonly npm?: readonly string[];
}

/** Installs the packages of a new project. A signal ends npm, and all that it started. Errors: INIT_INSTALL, INIT_STOPPED. */
export async function installPackages(folder: string, { signal, npm = NPM }: Install): Promise<void> {
  const asked = [...npm, 'install', '--no-audit', '--no-fund'];
  const { code, error, stderr, ended } = await runToEnd(asked, { cwd: folder, signal });
  if (code === 0) return;
  if (ended === 'stopped') throw fail('INIT_STOPPED', { folder });
  throw fail('INIT_INSTALL', { folder, reason: error?.message ?? reasonOf(stderr) }, error ?? undefined);
}

/** The fault in the words of npm, without its prefix and without the path of its log. */
function reasonOf(stderr: string): string {
  const lines = stderr.split('\n').map((line) => line.replace(/^npm (?:error|ERR!)\s*/, '').trim());
  const said = lines.filter((line) => line !== '' && !NOISE.test(line));
  return said.slice(0, REASON_LINES).join('; ');
}
