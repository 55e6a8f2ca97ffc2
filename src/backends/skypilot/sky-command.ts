import { reasonOf } from '../../base/reason-of.ts';
import { runToEnd } from '../../process/run-to-end.ts';

export interface SkyAnswer {
  /** Exit code of `sky`; null: it did not end in time, or does not exist. */
  readonly code: number | null;
  readonly stdout: string;
  /** Why it failed, in its words. */
  readonly reason: string;
}

/** Variables of this process that `sky` gets: where it finds itself, its configuration and the credentials that clouds keep in files. */
const known =
  /^(PATH|HOME|USER|LANG|LC_ALL|TZ|VIRTUAL_ENV|PYTHONPATH|SKYPILOT_.*|KUBECONFIG|AWS_PROFILE|CLOUDSDK_CONFIG)$/;

/** Runs one command of `sky`, and ends it with everything that it started when its time is over. */
export async function runSky(program: string, args: readonly string[], timeoutMs: number): Promise<SkyAnswer> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => known.test(name)));
  const { code, stdout, stderr, error, ended } = await runToEnd([program, ...args], {
    env: { ...env, SKYPILOT_DISABLE_USAGE_COLLECTION: '1', NO_COLOR: '1' },
    limitMs: timeoutMs,
  });
  if (error !== null) return { code: null, stdout: '', reason: reasonOf(error) };
  if (ended !== null) {
    const reason = `sky ${args[1]} did not answer in ${timeoutMs / 1000} s`;
    return { code: null, stdout, reason };
  }
  return { code, stdout, reason: lastLine(withoutColours(stderr.trim() === '' ? stdout : stderr)) };
}

/** A text without the codes that colour it on a terminal. */
export function withoutColours(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the codes begin with one
  return text.replaceAll(/\u001b\[[0-9;]{0,16}[A-Za-z]/g, '');
}

function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1)?.slice(-500) ?? '';
}
