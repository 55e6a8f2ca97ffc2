import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fail } from '../../base/errors/fail.ts';
import { reasonOf as messageOf } from '../../base/reason-of.ts';
import { outputOf, runToEnd } from '../../process/run-to-end.ts';

/** Spark's starter and the compiled runner, which run jobs. */
export interface Installation {
  readonly submit: string;
  readonly jar: string;
}

/** The oldest JDK that Spark 4 runs on. */
const JAVA = 17;

/** A program that runs in Spark: its folders of sources, and the name of its jar. */
export interface SparkProgram {
  readonly name: string;
  readonly sources: readonly string[];
}

export const historyRunner: SparkProgram = {
  name: 'runner',
  sources: [fileURLToPath(new URL('./runner', import.meta.url))],
};

/** The runner of SQL, which can also score. */
export const scoreRunner: SparkProgram = {
  name: 'score-runner',
  sources: ['./runner', './score-runner'].map((folder) => fileURLToPath(new URL(folder, import.meta.url))),
};

export const tileRunner: SparkProgram = {
  name: 'tile-runner',
  sources: [fileURLToPath(new URL('./tile-runner', import.meta.url))],
};

/** Which program is run by which Spark. */
export interface InstallationOptions {
  readonly home: string;
  /** Where the program is compiled into. */
  readonly directory: string;
  readonly program: SparkProgram;
  /** Jars that it needs in addition to Spark's. */
  readonly jars?: readonly string[];
}

/**
 * Finds Spark and the JDK, and compiles the program against its jars where that was not done yet.
 * Errors: SPARK_HOME, SPARK_VERSION, SPARK_JAVA, SPARK_RUNNER.
 */
export async function findInstallation(options: InstallationOptions): Promise<Installation> {
  const { home, directory, program, jars = [] } = options;
  const submit = join(home, 'bin', 'spark-submit');
  if (!existsSync(submit)) throw fail('SPARK_HOME', { home });
  const version = versionOf(home);
  if (!version.startsWith('4.')) throw fail('SPARK_VERSION', { home, found: version });
  await checkJava(tool('javac'));
  const sources = program.sources.flatMap(javaFiles);
  const digest = createHash('sha256').update(version);
  for (const source of sources) digest.update(readFileSync(source));
  const jar = join(directory, `${program.name}-${digest.digest('hex').slice(0, 16)}.jar`);
  if (!existsSync(jar)) await compile(options, sources, [join(home, 'jars', '*'), ...jars], jar);
  return { submit, jar };
}

function javaFiles(folder: string): readonly string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.java'))
    .sort()
    .map((name) => join(folder, name));
}

function tool(name: string): string {
  const java = process.env['JAVA_HOME'];
  return java === undefined || java === '' ? name : join(java, 'bin', name);
}

function versionOf(home: string): string {
  const jars = join(home, 'jars');
  const core = (existsSync(jars) ? readdirSync(jars) : []).find((name) => name.startsWith('spark-core_'));
  return /-(\d[\w.-]*)\.jar$/.exec(core ?? '')?.[1] ?? 'of no version';
}

async function checkJava(javac: string): Promise<void> {
  const { stdout, stderr, error } = await runToEnd([javac, '-version']);
  if (error !== null) throw fail('SPARK_JAVA', { found: reasonOf(error) }, error);
  const version = /javac (\S+)/.exec(stdout + stderr)?.[1] ?? '';
  if (!(Number.parseInt(version, 10) >= JAVA)) throw fail('SPARK_JAVA', { found: `javac ${version}` });
}

/** The jar appears whole: another process may be compiling it as well. */
async function compile(
  { home, directory }: InstallationOptions,
  sources: readonly string[],
  classPath: readonly string[],
  jar: string,
): Promise<void> {
  mkdirSync(directory, { recursive: true });
  const making = mkdtempSync(`${jar}.`);
  try {
    const classes = join(making, 'classes');
    const made = join(making, 'runner.jar');
    await outputOf([tool('javac'), '-nowarn', '-cp', classPath.join(delimiter), '-d', classes, ...sources]);
    await outputOf([tool('jar'), '--create', '--file', made, '-C', classes, '.']);
    renameSync(made, jar);
  } catch (error) {
    throw fail('SPARK_RUNNER', { home, reason: reasonOf(error) }, error);
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
}

function reasonOf(error: unknown): string {
  return messageOf(error).slice(0, 500);
}
