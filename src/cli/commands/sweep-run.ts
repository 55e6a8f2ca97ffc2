import { mkdirSync, readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { fail } from '../../base/errors/fail.ts';
import type { Command } from '../command.ts';
import { helperFolder, programWords } from '../run-options.ts';

export const sweepRun: Command = {
  name: ['sweep', 'run'],
  summary: 'searches parameters with short trials that stop, pause and resume',
  words: '<sweep.json>',
  arity: [1, 1],
  options: { directory: { type: 'string' } },
  help: { directory: 'folder of the sweep: its journal and trials (./sweep); the same folder resumes it' },
  async run({ words, options, json, terminal }) {
    const { parseSweep } = await import('../../training/sweep/sweep-file.ts');
    const { runSweep } = await import('../../training/sweep/run-sweep.ts');
    const { localTraining, lockRun } = await import('../../compose/training-backends.ts');
    const sweep = parseSweep(readJson(String(words[0])));
    const folder = resolve(String(options['directory'] ?? 'sweep'));
    mkdirSync(folder, { recursive: true });
    const lock = lockRun(folder);
    const stopped = new AbortController();
    terminal.stopped.then(() => stopped.abort());
    try {
      const outcome = await runSweep({
        name: basename(folder),
        folder,
        sweep: { ...sweep, command: programWords(sweep.command) },
        open: (trial) => localTraining(trial, helperFolder()),
        signal: stopped.signal,
        onResult: ({ trial, to, loss, failure }) =>
          terminal.err(`trial ${trial} at ${to}: ${failure === null ? `loss ${loss}` : `ended, ${failure}`}`),
      });
      if (json) return terminal.out(JSON.stringify(outcome));
      const { best, trained, inFull, state } = outcome;
      const share = inFull === 0 ? '' : `, ${((100 * trained) / inFull).toFixed(1)} % of all trials in full`;
      terminal.out(`${state}: ${outcome.results.length} jobs, ${trained} steps${share}`);
      if (best !== null)
        terminal.out(`best: trial ${best.trial}, loss ${best.loss}, ${JSON.stringify(best.parameters)}`);
    } finally {
      lock.release();
    }
  },
};

function readJson(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw fail('SWEEP_FILE', { member: path, reason: 'it cannot be read' }, error);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw fail('SWEEP_FILE', { member: path, reason: 'it is not JSON' }, error);
  }
}
