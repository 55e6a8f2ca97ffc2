import { fail } from '../../base/errors/fail.ts';
import { runToEnd } from '../../process/run-to-end.ts';
import type { PackageManager } from './package-manager.ts';

/** The last lines of npm that say why it failed. */
const REASON_LINES = 3;

/** Lines that say nothing to a person: numbers of the system, warnings, the place of the log. */
const NOISE = /^npm warn|^(?:code|errno|syscall|type|address|port) |complete log of this run|\.log$/;

interface Install {
  readonly manager: PackageManager;
  readonly signal: AbortSignal;
  /** In place of the program of the manager. */
  readonly program?: readonly string[];
}

/** Installs the packages of a new project. A signal ends the manager, and all that it started. Errors: INIT_INSTALL, INIT_STOPPED. */
export async function installPackages(folder: string, { manager, signal, program }: Install): Promise<void> {
  const { name } = manager;
  const asked = [...(program ?? programOf(name)), ...manager.install];
  const { code, error, stdout, stderr, ended } = await runToEnd(asked, { cwd: folder, signal });
  if (code === 0) return;
  if (ended === 'stopped') throw fail('INIT_STOPPED', { folder, manager: name });
  const said = stderr.trim() === '' ? stdout : stderr;
  throw fail('INIT_INSTALL', { folder, manager: name, reason: error?.message ?? reasonOf(said) }, error ?? undefined);
}

/** A manager as a program that can be started on every system. */
function programOf(name: string): readonly string[] {
  return process.platform === 'win32' ? ['cmd', '/c', name] : [name];
}

/** The fault in the words of npm, without its prefix and without the path of its log. */
function reasonOf(stderr: string): string {
  const lines = stderr.split('\n').map((line) => line.replace(/^npm (?:error|ERR!)\s*/, '').trim());
  const said = lines.filter((line) => line !== '' && !NOISE.test(line));
  return said.slice(0, REASON_LINES).join('; ');
}
