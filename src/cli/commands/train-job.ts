import { command } from '../command.ts';

export const trainJob = command({
  name: ['train', 'job'],
  summary: 'trains the job of a file by its embedded trainer: a program for train run, train drill and sweep run',
  words: '<job.json>',
  arity: [1, 1],
  async run({ words, terminal }) {
    const { trainJobFile } = await import('../../site/train-job-file.ts');
    await trainJobFile(String(words[0]), terminal.err);
  },
});
