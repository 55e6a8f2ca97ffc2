import { readFileSync, writeFileSync } from 'node:fs';
import { fail } from '../../base/errors/fail.ts';
import type { Command } from '../command.ts';
import { choiceOption } from '../parse-option.ts';

export const trainExport: Command = {
  name: ['train', 'export'],
  summary: 'writes a job for Slurm, Kubernetes, SkyPilot or Ray, with the controller inside',
  words: '<job.json>',
  arity: [1, 1],
  options: { to: { type: 'string' }, out: { type: 'string' } },
  help: { to: 'slurm, kubernetes, skypilot or ray', out: 'path of the file (the name of the job, here); - prints it' },
  async run({ words, options, json, terminal }) {
    const { parseExportJob } = await import('../../training/export/export-job.ts');
    const targets = {
      slurm: (await import('../../training/export/export-slurm.ts')).exportSlurm,
      kubernetes: (await import('../../training/export/export-kubernetes.ts')).exportKubernetes,
      skypilot: (await import('../../training/export/export-skypilot.ts')).exportSkypilot,
      ray: (await import('../../training/export/export-ray.ts')).exportRay,
    };
    const names = ['slurm', 'kubernetes', 'skypilot', 'ray'] as const;
    const to = choiceOption('to', options['to'] ?? '', names) ?? 'slurm';
    const { file, text, submit, warnings } = targets[to](parseExportJob(readJson(String(words[0]))));
    const path = String(options['out'] ?? file);
    for (const warning of warnings) terminal.err(`warning: ${warning}`);
    if (path !== '-') writeFileSync(path, text);
    if (json) terminal.out(JSON.stringify({ file: path, text, submit, warnings }));
    else terminal.out(path === '-' ? text : `${path}: ${submit}`);
  },
};

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    const reason = error instanceof SyntaxError ? 'it is not JSON' : 'it cannot be read';
    throw fail('EXPORT_JOB', { member: path, reason }, error);
  }
}
