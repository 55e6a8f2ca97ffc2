import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseDriftRule, ruleText } from '../../monitoring/detect/drift-rule.ts';
import { type Injection, parseInjection } from '../../playbook/file-replay/injection.ts';
import type { FileReplay } from '../../playbook/file-replay/replay-file.ts';
import { temporaryFolder } from '../../process/temporary-folder.ts';
import { parseCron } from '../../schedule/cron.ts';
import { type Call, command } from '../command.ts';
import { flag, option, repeated } from '../options/option.ts';
import { column, delay, duration, folder, instant, list, number, or, read, whole } from '../options/option-kinds.ts';

const RULE = 'default, psi>0.2 or ks<0.05';
const rule = read(RULE, (text) => ruleText(parseDriftRule(text)), String);
const cron = read(
  'a cron schedule',
  (text) => {
    parseCron(text, '--retrain');
    return text;
  },
  String,
);
const injection = read(
  'feature*60@2001-05-10/2001-05-20, or spoiled@2001-04-10',
  parseInjection,
  (one: Injection) => one.kind,
);

const options = {
  time: option(column, 'column of the instant of each row; without it rows are --every apart'),
  every: option(duration, 'time between two rows of a file without a column of time', 600_000),
  score: option(column, 'column of a score that the file brings; without it a model is trained on the first rows'),
  label: option(column, 'column of the label; without it only features and scores are watched'),
  labelled: option(column, 'column of the instant at which the label is known; an empty cell: never'),
  'label-delay': option(delay, 'time from the row to its label, where no column says it', 0),
  within: option(duration, 'how long a label is waited for (the greatest delay of the file)'),
  features: option(list(column), 'columns of the features, with commas between (all others)'),
  ignore: option(list(column), 'columns to leave out, with commas between'),
  until: option(instant, 'rows before this instant train the first version and are its reference'),
  share: option(number(0.001, 0.999), 'share of the rows that do, without --until', 0.2),
  window: option(duration, 'length of a window (the shortest of 1h to 30d with 500 rows)'),
  rule: option(rule, RULE, 'default'),
  retrain: option(
    or('drift', or('never', cron)),
    'drift: after a concept drift; never; or a cron schedule besides',
    'drift',
  ),
  'training-window': option(duration, 'length of a training set (all rows)'),
  trees: option(whole(1, 10_000), 'trees of a version', 100),
  'dry-run': flag('the playbook decides, and nothing is done'),
  inject: repeated(injection, 'a fault to inject: feature*60@2001-05-10/2001-05-20, or spoiled@2001-04-10'),
  out: option(folder, 'folder for decisions.jsonl, windows.jsonl, predictions.csv and summary.json'),
  progress: flag('show each window that is over'),
};

type Asked = Call<typeof options>;

export const driftReplay = command({
  name: ['drift', 'replay'],
  summary: 'replays a file by its own clock through monitors and playbook, and writes the decision log',
  words: '<file>',
  arity: [1, 1],
  options,
  run: async (call) => {
    const { openTableFile } = await import('../../site/table-files.ts');
    const { replayFile } = await import('../../running/replay-file.ts');
    const { path: directory, remove } = temporaryFolder('headrace-replay-');
    const table = await openTableFile(call.words[0]);
    try {
      await write(call, await replayFile(table, { ...replayOf(call), directory }));
    } finally {
      await table.close();
      remove();
    }
  },
});

function replayOf({ options: asked, terminal }: Asked) {
  const { retrain } = asked;
  return {
    time: asked.time ?? null,
    everyMs: asked.every,
    score: asked.score ?? null,
    label: asked.label ?? null,
    labelled: asked.labelled ?? null,
    labelDelayMs: asked['label-delay'],
    labelWithinMs: asked.within ?? null,
    features: asked.features ?? [],
    ignore: asked.ignore ?? [],
    until: asked.until ?? null,
    share: asked.share,
    windowMs: asked.window ?? null,
    plan: {
      retrain: retrain !== 'never',
      schedule: retrain === 'drift' || retrain === 'never' ? null : retrain,
      trainingWindowMs: asked['training-window'] ?? null,
      rule: asked.rule,
      isDry: asked['dry-run'],
      trees: asked.trees,
    },
    injections: asked.inject,
    ...(asked.progress ? { onLine: (line: string) => terminal.err(line) } : {}),
  };
}

async function write(call: Asked, replayed: FileReplay): Promise<void> {
  const { replayText } = await import('../../playbook/file-replay/replay-text.ts');
  const { predictionLines } = await import('../../playbook/file-replay/replay-predictions.ts');
  const { terminal, json } = call;
  const { out } = call.options;
  const { predictions, ...shown } = replayed;
  if (out !== undefined) {
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
