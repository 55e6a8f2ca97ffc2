import { spawn } from 'node:child_process';
import { reasonOf } from '../../base/reason-of.ts';

export interface SkyAnswer {
  /** Exit code of `sky`; null: it did not end in time, or does not exist. */
  readonly code: number | null;
  readonly stdout: string;
  /** Why it failed, in its words. */
  readonly reason: string;
}

/** The most output of one command that is kept, bytes. */
const MOST_BYTES = 16 * 1024 * 1024;

/** Variables of this process that `sky` gets: where it finds itself, its configuration and the credentials that clouds keep in files. */
const known =
  /^(PATH|HOME|USER|LANG|LC_ALL|TZ|VIRTUAL_ENV|PYTHONPATH|SKYPILOT_.*|KUBECONFIG|AWS_PROFILE|CLOUDSDK_CONFIG)$/;

/** Runs one command of `sky`, and ends it with everything that it started when its time is over. */
export function runSky(program: string, args: readonly string[], timeoutMs: number): Promise<SkyAnswer> {
  return new Promise((resolve) => {
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => known.test(name)));
    const child = spawn(program, args, {
      env: { ...env, SKYPILOT_DISABLE_USAGE_COLLECTION: '1', NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    const output = { stdout: '', stderr: '' };
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    }, timeoutMs);
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8');
      child[name].on('data', (text: string) => {
        output[name] = (output[name] + text).slice(-MOST_BYTES);
      });
    }
    child.once('error', (error) => {
      clearTimeout(timer);
      resolve({ code: null, stdout: '', reason: reasonOf(error) });
    });
    child.once('close', (code) => {
      clearTimeout(timer);
      const text = withoutColours(output.stderr.trim() === '' ? output.stdout : output.stderr);
      const reason = isLate ? `sky ${args[1]} did not answer in ${timeoutMs / 1000} s` : lastLine(text);
      resolve({ code: isLate ? null : code, stdout: output.stdout, reason });
    });
  });
}

/** A text without the codes that colour it on a terminal. */
export function withoutColours(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the codes begin with one
  return text.replaceAll(/\u001b\[[0-9;]{0,16}[A-Za-z]/g, '');
}

function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1)?.slice(-500) ?? '';
}
