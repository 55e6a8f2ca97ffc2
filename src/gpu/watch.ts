import type { Readable } from 'node:stream';
import { fail } from '../base/errors/fail.ts';
import { answerText } from '../base/read-answer.ts';
import { reasonOf } from '../base/reason-of.ts';
import { startProgram } from '../process/start-child.ts';
import { type CounterName, type CounterShares, contradictionText } from './analysis/counter-agreement.ts';
import { meanOf } from './analysis/statistics.ts';
import { type Utilisation, utilisationOf } from './analysis/utilisation.ts';
import { parseDcgm } from './readers/dcgm.ts';
import { parseDmon } from './readers/dmon.ts';
import { SampleCollector } from './readers/samples.ts';
import { dcgmShares, deviceLabel } from './rules/counters.ts';
import { percent } from './rules/rule.ts';

/** The default command. */
export const dmonCommand = ['nvidia-smi', 'dmon', '-s', 'pucm', '-o', 'TD', '-d', '1'] as const;

/** No line of nvidia-smi is longer; what is, is left out. */
const LONGEST_LINE = 2 ** 16;
const LONGEST_SCRAPE = 64 * 2 ** 20;

/** Keeps the last samples of dmon's output, whatever its columns. */
class RollingDmon {
  readonly #window: number;
  #header = '';
  #rows: string[] = [];

  /** `window`: how many lines of samples are kept; one line is one GPU at one moment. */
  constructor(window: number) {
    this.#window = window;
  }

  /** Takes one line; true if it is a sample. */
  push(line: string): boolean {
    const text = line.trim();
    if (text === '') return false;
    if (text.startsWith('#')) {
      if (/\bgpu\b/i.test(text)) this.#header = line;
      return false;
    }
    if (this.#header === '') return false;
    this.#rows.push(line);
    if (this.#rows.length > this.#window) this.#rows = this.#rows.slice(-this.#window);
    return true;
  }

  /** The decomposition of the kept samples; undefined before the first sample. */
  utilisation(): Utilisation | undefined {
    if (this.#rows.length === 0 || this.#header === '') return undefined;
    return utilisationOf(parseDmon(`${this.#header}\n${this.#rows.join('\n')}\n`));
  }
}

/** Keeps the last scrapes of a DCGM exporter. */
class RollingDcgm {
  readonly #window: number;
  #scrapes: { readonly atMs: number; readonly text: string }[] = [];

  constructor(window: number) {
    this.#window = window;
  }

  push(text: string, atMs: number): void {
    this.#scrapes.push({ atMs, text });
    if (this.#scrapes.length > this.#window) this.#scrapes.shift();
  }

  /** Contradictions between the counters of a GPU or instance, by their means over the kept samples. */
  contradictions(): readonly string[] {
    const devices = new Map<string, CounterShares[]>();
    for (const { text } of this.#scrapes)
      for (const device of parseDcgm(text)) {
        const label = deviceLabel(device);
        devices.set(label, [...(devices.get(label) ?? []), dcgmShares(device)]);
      }
    return [...devices].flatMap(([label, scrapes]) => {
      const mean = (name: CounterName) => meanOf(scrapes.map((shares) => shares[name]));
      const text = contradictionText({
        util: mean('util'),
        engine: mean('engine'),
        sm: mean('sm'),
        tensor: mean('tensor'),
        dram: mean('dram'),
      });
      return text === undefined ? [] : [`${label}: ${text}`];
    });
  }

  /** The decomposition by GPU_UTIL or, where it is missing, by GR_ENGINE_ACTIVE; MIG instances are left out. */
  utilisation(): Utilisation | undefined {
    const samples = new SampleCollector();
    for (const { atMs, text } of this.#scrapes) {
      for (const { gpu, migProfile, fields } of parseDcgm(text)) {
        if (migProfile !== undefined) continue;
        const series = samples.of(gpu);
        const engine = fields.get('DCGM_FI_PROF_GR_ENGINE_ACTIVE');
        series.timesMs.push(atMs);
        series.util.push(fields.get('DCGM_FI_DEV_GPU_UTIL') ?? (engine === undefined ? Number.NaN : 100 * engine));
        series.powerW.push(fields.get('DCGM_FI_DEV_POWER_USAGE') ?? Number.NaN);
      }
    }
    const all = samples.all();
    return all.length === 0 ? undefined : utilisationOf(all);
  }
}

/** One line about the kept samples. */
function watchLine(use: Utilisation): string {
  const busy = Number.isNaN(use.meanOfNonIdle) ? '0.0' : use.meanOfNonIdle.toFixed(1);
  return `${use.mean.toFixed(1)} % = ${percent(use.nonIdleShare)} % non-idle × ${busy} % busy · ${percent(use.idleShare)} % below 1 · ${percent(use.saturatedShare)} % at 95 or more · ${use.samples} samples`;
}

export interface WatchOptions {
  /** The command whose output is dmon's; its own words, no shell. */
  readonly command: readonly string[];
  readonly window: number;
  /** The number of samples between two lines. */
  readonly every: number;
}

/** Runs a command that prints as dmon does, until it ends or `stopped` resolves. Errors: GPU_FILE, GPU_NO_NVIDIA_SMI. */
export async function watchDmon(
  options: WatchOptions,
  out: (line: string) => void,
  stopped: Promise<void>,
): Promise<void> {
  const [program = ''] = options.command;
  const child = startProgram(options.command, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<string>((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'ENOENT' && program === dmonCommand[0]
          ? fail('GPU_NO_NVIDIA_SMI', {}, error)
          : fail('GPU_FILE', { path: program, reason: error.message }, error),
      ),
    );
    child.once('close', (code, signal) => resolve(code === null ? `signal ${signal}` : `code ${code}`));
  });
  let asked = false;
  // Stopping makes the command end, and its end ends the loop below.
  void stopped.then(() => {
    asked = true;
    child.kill();
  });
  const rolling = new RollingDmon(options.window);
  const say = () => {
    const use = rolling.utilisation();
    if (use !== undefined) out(watchLine(use));
  };
  const follow = async () => {
    let since = 0;
    if (child.stdout === null) return since;
    for await (const line of linesFrom(child.stdout)) {
      if (!rolling.push(line)) continue;
      since += 1;
      if (since % options.every === 0) say();
    }
    if (since % options.every !== 0) say();
    return since;
  };
  try {
    const [samples, end] = await Promise.all([follow(), ended]);
    if (!asked && (samples === 0 || end !== 'code 0'))
      throw fail('GPU_FILE', { path: program, reason: `it ended with ${end} after ${samples} samples` });
  } finally {
    child.kill();
  }
}

/** The lines of a stream. */
async function* linesFrom(stream: Readable): AsyncIterable<string> {
  stream.setEncoding('utf8');
  let rest = '';
  for await (const chunk of stream) {
    const lines = `${rest}${chunk}`.split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > LONGEST_LINE) rest = '';
    yield* lines;
  }
  yield rest;
}

/** Scrapes a DCGM exporter each `everyMs`, until `stopped` resolves or `scrapes` are done. Errors: GPU_FILE. */
export async function watchDcgm(
  {
    url,
    everyMs,
    window,
    scrapes = Number.POSITIVE_INFINITY,
  }: { url: string; everyMs: number; window: number; scrapes?: number },
  out: (line: string) => void,
  stopped: Promise<void>,
  clock: () => number,
): Promise<void> {
  const rolling = new RollingDcgm(window);
  let ended = false;
  const stop = stopped.then(() => {
    ended = true;
  });
  for (let count = 0; count < scrapes && !ended; count += 1) {
    rolling.push(await scrape(url), clock());
    const use = rolling.utilisation();
    if (use !== undefined) out(watchLine(use));
    for (const text of rolling.contradictions()) out(text);
    if (count + 1 < scrapes) await Promise.race([stop, new Promise((resolve) => setTimeout(resolve, everyMs))]);
  }
}

async function scrape(url: string): Promise<string> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(10_000) });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    return await answerText(answer.body, LONGEST_SCRAPE);
  } catch (error) {
    throw fail('GPU_FILE', { path: url, reason: reasonOf(error) }, error);
  }
}
