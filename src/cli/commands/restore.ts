import { auditedCommand } from '../audit.ts';
import type { Command } from '../command.ts';
import { loadConfig } from '../load-config.ts';

export const restore: Command = {
  name: ['restore'],
  summary: 'checks a backup and puts it in place of an empty environment',
  words: '<folder>',
  arity: [1, 1],
  options: {},
  help: {},
  async run(call) {
    const { restore: restoreBackup } = await import('../../operating/restore.ts');
    const { environment } = await loadConfig(call);
    const [folder] = call.words;
    const { directory } = environment;
    const { files, madeAt } = await auditedCommand(directory, 'restore', folder, () =>
      restoreBackup(folder, directory),
    );
    if (call.json) return call.terminal.out(JSON.stringify({ folder, directory, files: files.length, madeAt }));
    call.terminal.out(`${directory}: ${files.length} files of ${new Date(madeAt).toISOString()}, each with its sum`);
  },
};
