import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseDuration } from '../../base/time.ts';
import { temporaryFolder } from '../../process/temporary-folder.ts';
import type { FileReplay } from '../../running/file-replay/replay-file.ts';
import type { Call, Command } from '../command.ts';
import { instantOption, numberOption, wholeOption } from '../parse-option.ts';

const one = { type: 'string' } as const;

export const driftReplay: Command = {
  name: ['drift', 'replay'],
  summary: 'replays a file by its own clock through monitors and playbook, and writes the decision log',
  words: '<file>',
  arity: [1, 1],
  options: {
    time: one,
    every: one,
    score: one,
    label: one,
    labelled: one,
    'label-delay': one,
    within: one,
    features: one,
    ignore: one,
    until: one,
    share: one,
    window: one,
    rule: one,
    retrain: one,
    'training-window': one,
    trees: one,
    'dry-run': { type: 'boolean' },
    inject: { type: 'string', multiple: true },
    out: one,
    progress: { type: 'boolean' },
  },
  help: {
    time: 'column of the instant of each row; without it rows are --every apart',
    every: 'time between two rows of a file without a column of time (10m)',
    score: 'column of a score that the file brings; without it a model is trained on the first rows',
    label: 'column of the label; without it only features and scores are watched',
    labelled: 'column of the instant at which the label is known; an empty cell: never',
    'label-delay': 'time from the row to its label, where no column says it (0)',
    within: 'how long a label is waited for (the greatest delay of the file)',
    features: 'columns of the features, with commas between (all others)',
    ignore: 'columns to leave out, with commas between',
    until: 'rows before this instant train the first version and are its reference',
    share: 'share of the rows that do, without --until (0.2)',
    window: 'length of a window (the shortest of 1h to 30d with 500 rows)',
    rule: 'default, psi>0.2 or ks<0.05 (default)',
    retrain: 'drift: after a concept drift; never; or a cron schedule besides (drift)',
    'training-window': 'length of a training set (all rows)',
    trees: 'trees of a version (100)',
    'dry-run': 'the playbook decides, and nothing is done',
    inject: 'a fault to inject: feature*60@2001-05-10/2001-05-20, or spoiled@2001-04-10',
    out: 'folder for decisions.jsonl, windows.jsonl, predictions.csv and summary.json',
    progress: 'show each window that is over',
  },
  run: async (call) => {
    const { openTableFile } = await import('../../compose/table-files.ts');
    const { replayFile } = await import('../../running/file-replay/replay-file.ts');
    const options = await optionsOf(call);
    const { path: directory, remove } = temporaryFolder('headrace-replay-');
    const table = await openTableFile(call.words[0]);
    try {
      await write(call, await replayFile(table, { ...options, directory }));
    } finally {
      await table.close();
      remove();
    }
  },
};

async function optionsOf(call: Call) {
  const { parseInjection } = await import('../../running/file-replay/injection.ts');
  const { options, lists, terminal } = call;
  const text = (option: string) => {
    const value = options[option];
    return typeof value === 'string' ? value : null;
  };
  const names = (option: string) => text(option)?.split(',') ?? [];
  const ms = (option: string) => {
    const value = text(option);
    return value === null || value === '0' ? null : parseDuration(value, `--${option}`);
  };
  const retrain = text('retrain') ?? 'drift';
  return {
    time: text('time'),
    everyMs: ms('every') ?? 600_000,
    score: text('score'),
    label: text('label'),
    labelled: text('labelled'),
    labelDelayMs: ms('label-delay') ?? 0,
    labelWithinMs: ms('within'),
    features: names('features'),
    ignore: names('ignore'),
    until: instantOption('until', options['until']) ?? null,
    share: numberOption('share', options['share'], 0.001, 0.999) ?? 0.2,
    windowMs: ms('window'),
    plan: {
      retrain: retrain !== 'never',
      schedule: ['drift', 'never'].includes(retrain) ? null : retrain,
      trainingWindowMs: ms('training-window'),
      rule: text('rule') ?? 'default',
      isDry: options['dry-run'] === true,
      trees: wholeOption('trees', options['trees'], 100, 1, 10_000),
    },
    injections: (lists?.['inject'] ?? []).map(parseInjection),
    ...(options['progress'] === true ? { onLine: (line: string) => terminal.err(line) } : {}),
  };
}

async function write(call: Call, replayed: FileReplay): Promise<void> {
  const { replayText } = await import('../../running/file-replay/replay-text.ts');
  const { predictionLines } = await import('../../running/file-replay/replay-predictions.ts');
  const { terminal, json, options } = call;
  const { out } = options;
  const { predictions, ...shown } = replayed;
  if (typeof out === 'string') {
    const lines = (rows: readonly unknown[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');
    mkdirSync(out, { recursive: true });
    writeFileSync(join(out, 'decisions.jsonl'), lines(replayed.log));
    writeFileSync(join(out, 'windows.jsonl'), lines(replayed.windows));
    writeFileSync(join(out, 'predictions.csv'), `${predictionLines(predictions).join('\n')}\n`);
    writeFileSync(join(out, 'summary.json'), `${JSON.stringify(replayed.summary, null, 2)}\n`);
  }
  if (json) return terminal.out(JSON.stringify(shown));
  for (const line of replayText(replayed)) terminal.out(line);
}
