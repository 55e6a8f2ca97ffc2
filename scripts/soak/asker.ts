import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const ASK = fileURLToPath(new URL('./ask.ts', import.meta.url));
/** Longer than a busy machine needs: only what hangs is ended. */
const LONGEST_MS = 600_000;

export interface Asked {
  /** The answers, a coded error as `AREA_FACT`, or what went wrong otherwise. */
  readonly kind: 'answers' | 'code' | 'fault';
  readonly text: string;
}

/** A process that asks one directory after the other. */
export class Asker {
  readonly #env: NodeJS.ProcessEnv;
  #child: ChildProcess | null = null;

  constructor(env: NodeJS.ProcessEnv) {
    this.#env = env;
  }

  /** null: the process ended, or did not answer. */
  async ask(directory: string): Promise<Asked | null> {
    const child = this.#started();
    const timer = setTimeout(() => child.kill('SIGKILL'), LONGEST_MS);
    try {
      const line = new Promise<string | null>((resolve) => {
        child.once('close', () => resolve(null));
        child.stdout?.once('data', (text: string) => resolve(text));
      });
      child.stdin?.write(`${directory}\n`);
      const text = await line;
      if (text === null) return null;
      const outcome = JSON.parse(text) as { readonly code: 0 | 3; readonly text: string };
      return { kind: outcome.code === 0 ? 'answers' : 'code', text: outcome.text };
    } finally {
      clearTimeout(timer);
      child.removeAllListeners('close');
      child.stdout?.removeAllListeners('data');
    }
  }

  end(): void {
    this.#child?.kill('SIGKILL');
    this.#child = null;
  }

  #started(): ChildProcess {
    if (this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null) return this.#child;
    this.#child = spawn(process.execPath, ['--conditions=headrace-source', ASK, '', 'each'], {
      env: this.#env,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    this.#child.stdout?.setEncoding('utf8');
    this.#child.stdin?.on('error', () => undefined);
    return this.#child;
  }
}

/** Fills or asks a directory in its own process. */
export function asked(directory: string, what: 'fill' | 'ask', env: NodeJS.ProcessEnv): Promise<Asked> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--conditions=headrace-source', ASK, directory, what], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), LONGEST_MS);
    let [out, err] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text;
    });
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      if (code === 0) resolve({ kind: 'answers', text: out });
      else if (code === 3) resolve({ kind: 'code', text: out.trim() });
      else resolve({ kind: 'fault', text: `${signal ?? code}: ${err || out}` });
    });
  });
}
