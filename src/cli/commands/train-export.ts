import { readFileSync, writeFileSync } from 'node:fs';
import { fail } from '../../base/errors/fail.ts';
import { command } from '../command.ts';
import { needed, option } from '../options/option.ts';
import { choice, file } from '../options/option-kinds.ts';

const SYSTEMS = ['slurm', 'kubernetes', 'skypilot', 'ray'] as const;

export const trainExport = command({
  name: ['train', 'export'],
  summary: 'writes a job for Slurm, Kubernetes, SkyPilot or Ray, with the controller inside',
  words: '<job.json>',
  arity: [1, 1],
  options: {
    to: needed(choice(SYSTEMS), 'system of the job'),
    out: option(file, 'path of the file (the name of the job, here); - prints it'),
  },
  async run({ words, options, json, terminal }) {
    const { parseExportJob } = await import('../../training/export/export-job.ts');
    const targets = {
      slurm: (await import('../../training/export/export-slurm.ts')).exportSlurm,
      kubernetes: (await import('../../training/export/export-kubernetes.ts')).exportKubernetes,
      skypilot: (await import('../../training/export/export-skypilot.ts')).exportSkypilot,
      ray: (await import('../../training/export/export-ray.ts')).exportRay,
    };
    const { file: suggested, text, submit, warnings } = targets[options.to](parseExportJob(readJson(String(words[0]))));
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
