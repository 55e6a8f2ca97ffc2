import { fail } from '../../base/errors/fail.ts';
import type { JobOutput } from './job.ts';

/** The error of a failed job. */
export interface JobFailure {
  readonly name: string;
  /** The step of the output; null: none of them. */
  readonly step: string | null;
  /** Spark's error condition, as `TABLE_OR_VIEW_NOT_FOUND`. */
  readonly condition: string | null;
  readonly sqlState: string | null;
  readonly message: string;
  /** The innermost cause. */
  readonly cause: string;
}

/** The exit code of Spark processes without memory. */
const MEMORY_EXIT = 52;

const OUT_OF_MEMORY = /exit(?:ed with)?\s*(?:code|status):?\s*52\b|OutOfMemoryError|exit code 52|ExitCode 52/i;

/** Classes of SQLSTATE for a wrong query text: syntax or access rules, and unsupported features. */
const REFUSED = /^(42|0A)/;

const AT_LINE = /line (\d+),? pos(?:ition)?:? \d+/;

/** The error of a job that failed. */
export function failedError(failure: JobFailure, outputs: readonly JobOutput[]): Error {
  const { step, condition, sqlState, message, cause } = failure;
  const output = outputs.find(({ name }) => name === failure.name);
  const name = step === null ? failure.name : `${failure.name}, step ${step}`;
  const told = new Error(`${message}\n${cause}`);
  // In a local master the driver is the one executor.
  const process = message.includes('executor driver') ? 'the driver' : 'an executor';
  if (OUT_OF_MEMORY.test(told.message)) return fail('SPARK_MEMORY', { process, during: name }, told);
  const known = `${condition ?? 'no condition'}, SQLSTATE ${sqlState ?? 'unknown'}`;
  const reason = reasonOf(condition === null ? cause : message);
  const sql = step === null ? output?.sql : output?.steps.find((one) => one.name === step)?.sql;
  if (sql === undefined || sqlState === null || !REFUSED.test(sqlState))
    return fail('SPARK_FAILED', { output: name, known, reason }, told);
  const line = Number(AT_LINE.exec(message)?.[1] ?? 1);
  const text = (sql.split('\n')[line - 1] ?? '').trim().slice(0, 160);
  return fail('SPARK_SQL', { output: name, line, text, known, reason }, new Error(sql, { cause: told }));
}

/** The error of a process that ended by itself. */
export function endedError(
  during: string,
  { code, signal }: { readonly code: number | null; readonly signal: string | null },
  log: string,
): Error {
  const whole = new Error(log);
  if (code === MEMORY_EXIT) return fail('SPARK_MEMORY', { process: 'the driver', during }, whole);
  const how = signal === null ? (code === null ? 'could not be started' : `exit code ${code}`) : `signal ${signal}`;
  return fail('SPARK_ENDED', { during, how, reason: lastError(log) }, whole);
}

/** The last line of a log that is an error, or the last at all. */
function lastError(log: string): string {
  const lines = log.split('\n').filter((line) => line.trim() !== '' && !/^\s+at /.test(line));
  return (lines.findLast((line) => /\bERROR\b|Exception|Error:/.test(line)) ?? lines.at(-1) ?? '').slice(0, 400);
}

/** The first line, without the condition and SQLSTATE that stand in it. */
function reasonOf(text: string): string {
  const [first = ''] = text.split('\n');
  return first.replace(/^\[[\w.]+\] /, '').replace(/\s*SQLSTATE: \w{5}.*$/, '');
}
