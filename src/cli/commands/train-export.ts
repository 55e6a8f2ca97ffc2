import { readFileSync, writeFileSync } from 'node:fs';
import { fail } from '../../base/errors/fail.ts';
import { trainingSystems } from '../../ports/training-system.ts';
import { command } from '../command.ts';
import { needed, option } from '../options/option.ts';
import { choice, file } from '../options/option-kinds.ts';

export const trainExport = command({
  name: ['train', 'export'],
  summary: 'writes a job for Slurm, Kubernetes, SkyPilot or Ray, with the controller inside',
  words: '<job.json>',
  arity: [1, 1],
  options: {
    to: needed(choice(trainingSystems), 'system of the job'),
    out: option(file, 'path of the file (the name of the job, here); - prints it'),
  },
  async run({ words, options, json, terminal }) {
    const { parseExportJob } = await import('../../training/export/export-job.ts');
    const { exportedJob } = await import('../../site/back-ends/training-systems.ts');
    const job = parseExportJob(readJson(String(words[0])));
    const { file: suggested, text, submit, warnings } = exportedJob(options.to, job);
    const path = options.out ?? suggested;
    for (const warning of warnings) terminal.err(`warning: ${warning}`);
    if (path !== '-') writeFileSync(path, text);
    if (json) terminal.out(JSON.stringify({ file: path, text, submit, warnings }));
    else terminal.out(path === '-' ? text : `${path}: ${submit}`);
  },
});

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    const reason = error instanceof SyntaxError ? 'it is not JSON' : 'it cannot be read';
    throw fail('EXPORT_JOB', { member: path, reason }, error);
  }
}
