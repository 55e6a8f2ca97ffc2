import { auditedCommand } from '../audit.ts';
import type { Call, Command } from '../command.ts';
import { loadConfig } from '../load-config.ts';

export const restore: Command = {
  name: ['restore'],
  summary: 'checks a backup and puts it in place of an empty environment',
  words: '<folder>',
  arity: [1, 1],
  options: { damaged: { type: 'boolean' } },
  help: { damaged: 'only put files of the history that are damaged back, into the environment as it is' },
  async run(call) {
    if (call.options['damaged'] === true) return repair(call);
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

/** Puts damaged files of the history back from a backup. Error: OFFLINE_CORRUPT for the first that is not in it. */
async function repair(call: Call): Promise<void> {
  const { repairHistory } = await import('../../compose.ts');
  const { environment } = await loadConfig(call);
  const { directory } = environment;
  const [folder] = call.words;
  const { damaged, repaired } = await auditedCommand(directory, 'repair', folder, () =>
    repairHistory(environment, folder),
  );
  if (call.json) return call.terminal.out(JSON.stringify({ folder, directory, damaged, repaired }));
  call.terminal.out(`${directory}: ${repaired} of ${damaged} damaged files put back`);
}
