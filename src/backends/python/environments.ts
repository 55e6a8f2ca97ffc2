import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import { sha256Hex } from '../../base/hash/sha256.ts';
import { compareText } from '../../base/text-order.ts';
import type { CollectedPython, PythonVersion } from '../../ports/python-runtime.ts';
import { collectEnvironments } from './collect-environments.ts';
import { EnvironmentUses } from './environment-uses.ts';
import { installEnvironment, toolsEnvironment } from './program-environment.ts';
import { runProgram } from './run-program.ts';

/** Packages of a version: the lines of its requirements, and those that are tried in addition. */
export interface Wanted {
  readonly of: Pick<PythonVersion, 'model' | 'version'>;
  /** `3.11`; null: any. */
  readonly python: string | null;
  readonly lines: readonly string[];
  /** Packages that are installed too where they fit the others. */
  readonly extras: readonly string[];
  readonly constraints: readonly string[];
}

interface Interpreter {
  readonly command: string;
  /** `3.11.7`. */
  readonly version: string;
}

export interface EnvironmentsOptions {
  readonly directory: string;
  readonly interpreter: string;
  readonly installMs: number;
}

const FORMAT = 1;

/**
 * Virtual environments of models. Requirements are resolved once to a lock with the hash of every wheel; the digest of the
 * lock names the environment, so that versions with the same packages share one.
 *
 * Files: `locks/<digest of requirements>.txt`, `venvs/<digest of lock>`, `uses/<environment>.<process>.<random>`. Locks are kept when
 * an environment is collected: made again, it has the same packages.
 */
export class PythonEnvironments {
  readonly #options: EnvironmentsOptions;
  readonly #making = new Map<string, Promise<string>>();
  readonly #interpreters = new Map<string, Promise<Interpreter | string>>();
  readonly #abort = new AbortController();
  readonly #uses: EnvironmentUses;

  constructor(options: EnvironmentsOptions) {
    this.#options = { ...options, directory: resolve(options.directory) };
    this.#uses = new EnvironmentUses(join(this.#options.directory, 'uses'));
  }

  /** The interpreter of an environment that is made; null: it is not. Errors: PYTHON_VERSION, PYTHON_INTERPRETER. */
  async find(wanted: Wanted): Promise<string | null> {
    const interpreter = await this.#interpreterFor(wanted);
    const lock = await readFile(this.#lockPath(keyOf(wanted, interpreter)), 'utf8').catch(() => null);
    if (lock === null) return null;
    const python = pythonOf(this.#venvPath(lock));
    return existsSync(python) ? python : null;
  }

  /** Makes an environment if it is not there; returns its interpreter. Errors: PYTHON_VERSION, PYTHON_INTERPRETER, PYTHON_INSTALL. */
  async make(wanted: Wanted, onLine: (line: string) => void = () => undefined): Promise<string> {
    const interpreter = await this.#interpreterFor(wanted);
    const key = keyOf(wanted, interpreter);
    const making = this.#making.get(key);
    if (making !== undefined) {
      onLine('another call makes the same environment: waiting for it');
      return making;
    }
    const made = this.#make(wanted, { interpreter, key, onLine }).finally(() => this.#making.delete(key));
    this.#making.set(key, made);
    return made;
  }

  /** Keeps the environment of an interpreter from collectors until the returned function is called; null: it is gone. */
  async use(python: string): Promise<(() => Promise<void>) | null> {
    const venv = dirname(dirname(python));
    const release = await this.#uses.hold(basename(venv));
    const now = new Date();
    await utimes(venv, now, now).catch(() => undefined);
    if (existsSync(python)) return release;
    await release();
    return null;
  }

  /** Removes the environments that none of these needs, and that nobody used since `before`. Error: PYTHON_INTERPRETER. */
  async collect(needed: readonly Wanted[], before: number): Promise<CollectedPython> {
    const names = new Set<string>();
    for (const wanted of needed) {
      const python = await this.find(wanted).catch((error: unknown) => {
        // This machine has no such Python, so the version has no environment here.
        if (isHeadraceError(error, 'PYTHON_VERSION')) return null;
        throw error;
      });
      if (python !== null) names.add(basename(dirname(dirname(python))));
    }
    return collectEnvironments({ directory: this.#options.directory, uses: this.#uses, needed: names, before });
  }

  /** Ends every installation. */
  async close(): Promise<void> {
    this.#abort.abort();
    await Promise.allSettled(this.#making.values());
  }

  async #make(
    wanted: Wanted,
    { interpreter, key, onLine }: { interpreter: Interpreter; key: string; onLine: (line: string) => void },
  ): Promise<string> {
    const found = await this.find(wanted);
    if (found !== null) {
      onLine(`its environment is there: ${basename(dirname(dirname(found)))}`);
      return found;
    }
    await mkdir(join(this.#options.directory, 'locks'), { recursive: true });
    await mkdir(join(this.#options.directory, 'venvs'), { recursive: true });
    const path = this.#lockPath(key);
    const known = await readFile(path, 'utf8').catch(() => null);
    if (known === null)
      onLine(`resolving ${wanted.lines.length} requirements to wheels, for Python ${interpreter.version}`);
    const lock = known ?? (await this.#lock(wanted, interpreter));
    const packages = lock.split('\n').filter((line) => line.includes('--hash=')).length;
    onLine(
      `installing ${packages} packages of the lock ${basename(this.#venvPath(lock))}, each by the digest of its wheel`,
    );
    await this.#install(wanted, interpreter, lock);
    await this.#writeLock(path, lock);
    return pythonOf(this.#venvPath(lock));
  }

  async #writeLock(path: string, lock: string): Promise<void> {
    const temporary = `${path}.${randomUUID()}`;
    await writeFile(temporary, lock);
    await rename(temporary, path);
  }

  /** Resolves requirements to exact wheels. Packages that are tried in addition are left out where they do not fit. */
  async #lock(wanted: Wanted, interpreter: Interpreter): Promise<string> {
    const tries = wanted.extras.length === 0 ? [wanted.lines] : [[...wanted.lines, ...wanted.extras], wanted.lines];
    let reason = '';
    for (const lines of tries) {
      const resolved = await this.#resolved(lines, wanted, interpreter);
      const packages = resolved.ok ? locked(resolved.output) : resolved.reason;
      if (typeof packages !== 'string') return `# Python ${interpreter.version}\n${packages.join('\n')}\n`;
      reason ||= packages;
    }
    throw fail('PYTHON_INSTALL', { ...wanted.of, reason });
  }

  async #resolved(lines: readonly string[], wanted: Wanted, interpreter: Interpreter) {
    const scratch = await this.#scratch();
    try {
      await writeFile(join(scratch, 'requirements.txt'), lines.join('\n'));
      await writeFile(join(scratch, 'constraints.txt'), wanted.constraints.join('\n'));
      const files = ['-r', 'requirements.txt', '-c', 'constraints.txt'];
      const what = ['install', '--dry-run', '--ignore-installed', '--report', '-', ...files];
      return await this.#pip(await this.#tools(wanted, interpreter), [...what, '--quiet'], scratch);
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  }

  async #install({ of }: Wanted, interpreter: Interpreter, lock: string): Promise<void> {
    const venv = this.#venvPath(lock);
    if (existsSync(pythonOf(venv))) return;
    const scratch = await this.#scratch();
    try {
      const made = join(scratch, 'venv');
      await this.#program(of, interpreter.command, ['-I', '-m', 'venv', '--without-pip', made], scratch);
      await writeFile(join(scratch, 'lock.txt'), lock);
      const into = ['--python', pythonOf(made), 'install', '--no-deps', '--require-hashes', '-r', 'lock.txt'];
      const tools = await this.#tools({ of }, interpreter);
      const { ok, reason } = await this.#pip(tools, [...into, '--quiet'], scratch);
      if (!ok) throw fail('PYTHON_INSTALL', { ...of, reason });
      await rename(made, venv).catch(async (error: unknown) => {
        // Another process was faster.
        if (!existsSync(pythonOf(venv))) throw error;
      });
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  }

  /** An interpreter with pip that can install into other environments. */
  async #tools({ of }: Pick<Wanted, 'of'>, { command, version }: Interpreter): Promise<string> {
    const folder = join(this.#options.directory, `pip-${version}`);
    if (existsSync(pythonOf(folder))) return pythonOf(folder);
    const scratch = await this.#scratch();
    try {
      const made = join(scratch, 'pip');
      await this.#program(of, command, ['-I', '-m', 'venv', made], scratch);
      await rename(made, folder).catch(async (error: unknown) => {
        if (!existsSync(pythonOf(folder))) throw error;
      });
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
    return pythonOf(folder);
  }

  #pip(python: string, args: readonly string[], cwd: string) {
    const options = ['--disable-pip-version-check', '--no-input'];
    // Wheels alone: building a package would run a program of its author with the addresses of the index at hand.
    const wheels = ['--only-binary', ':all:'];
    const [first, ...rest] = args;
    const split =
      first === '--python' ? [first, rest[0], rest[1], ...wheels, ...rest.slice(2)] : [first, ...wheels, ...rest];
    const env = installEnvironment(cwd);
    const limitMs = this.#options.installMs;
    const all = ['-I', '-m', 'pip', ...options, ...split];
    return runProgram({ command: python, args: all, env, cwd, limitMs, signal: this.#abort.signal });
  }

  async #program(of: Wanted['of'], command: string, args: readonly string[], cwd: string): Promise<void> {
    const limitMs = this.#options.installMs;
    const env = toolsEnvironment(cwd);
    const { ok, reason } = await runProgram({ command, args, env, cwd, limitMs, signal: this.#abort.signal });
    if (!ok) throw fail('PYTHON_INSTALL', { ...of, reason });
  }

  async #scratch(): Promise<string> {
    const folder = join(this.#options.directory, `making-${process.pid}-${randomUUID()}`);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return folder;
  }

  async #interpreterFor({ of, python }: Pick<Wanted, 'of' | 'python'>): Promise<Interpreter> {
    const { interpreter } = this.#options;
    const own = await this.#interpreter(interpreter);
    const minor = python === null ? null : minorOf(python);
    if (typeof own !== 'string' && (minor === null || minorOf(own.version) === minor)) return own;
    const other = minor === null ? own : await this.#interpreter(`python${minor}`);
    if (typeof other !== 'string' && (minor === null || minorOf(other.version) === minor)) return other;
    if (typeof own === 'string') throw fail('PYTHON_INTERPRETER', { interpreter, reason: own });
    throw fail('PYTHON_VERSION', { ...of, needed: minor, interpreter, found: own.version });
  }

  /** An interpreter, or why it cannot be run. */
  #interpreter(command: string): Promise<Interpreter | string> {
    const known = this.#interpreters.get(command) ?? this.#asked(command);
    this.#interpreters.set(command, known);
    return known;
  }

  async #asked(command: string): Promise<Interpreter | string> {
    const args = ['-I', '-c', 'import sys; print("%d.%d.%d" % sys.version_info[:3])'];
    const env = toolsEnvironment('/');
    const asked = await runProgram({ command, args, env, cwd: '/', limitMs: 60_000, signal: this.#abort.signal });
    if (!asked.ok) this.#interpreters.delete(command);
    return asked.ok ? { command, version: asked.output.trim() } : asked.reason;
  }

  #lockPath(key: string): string {
    return join(this.#options.directory, 'locks', `${key}.txt`);
  }

  #venvPath(lock: string): string {
    return join(this.#options.directory, 'venvs', sha256Hex(Buffer.from(lock)));
  }
}

function keyOf({ lines, extras, constraints }: Wanted, { version }: Interpreter): string {
  const { platform, arch } = process;
  const sorted = (texts: readonly string[]) => [...new Set(texts)].sort(compareText);
  const text = JSON.stringify([FORMAT, version, platform, arch, sorted(lines), sorted(extras), sorted(constraints)]);
  return sha256Hex(Buffer.from(text));
}

function minorOf(version: string): string {
  return version.split('.').slice(0, 2).join('.');
}

function pythonOf(venv: string): string {
  return join(venv, 'bin/python');
}

interface Report {
  readonly install?: readonly {
    readonly metadata: { readonly name: string; readonly version: string };
    readonly download_info: {
      readonly archive_info?: { readonly hash?: string; readonly hashes?: Readonly<Record<string, string>> };
    };
  }[];
}

/** Lines of a lock, of a report of pip; a text: why there is none. A package without a digest would be another one tomorrow. */
function locked(report: string): readonly string[] | string {
  const { install = [] }: Report = JSON.parse(report);
  const lines: string[] = [];
  for (const { metadata, download_info: info } of install) {
    const { hash, hashes } = info.archive_info ?? {};
    const sha256 = hashes?.['sha256'] ?? /^sha256=(.+)$/.exec(hash ?? '')?.[1];
    if (sha256 === undefined) return `the index gives no sha256 of ${metadata.name} ${metadata.version}`;
    lines.push(`${metadata.name}==${metadata.version} --hash=sha256:${sha256}`);
  }
  return lines.sort(compareText);
}
