import { auditedCommand } from '../audit.ts';
import type { Call, Command } from '../command.ts';
import { loadConfig } from '../load-config.ts';

export const restore: Command = {
  name: ['restore'],
  summary: 'checks a backup and restores it into an empty environment',
  words: '<folder>',
  arity: [1, 1],
  options: { damaged: { type: 'boolean' } },
  help: { damaged: 'restore only the damaged files of the history, into the existing environment' },
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
    call.terminal.out(`${directory}: ${files.length} files of ${new Date(madeAt).toISOString()}, checksums verified`);
  },
};

/** Restores damaged files of the history from a backup. Error: OFFLINE_CORRUPT for the first that is not in it. */
async function repair(call: Call): Promise<void> {
  const { repairHistory } = await import('../../compose/compose.ts');
  const { environment } = await loadConfig(call);
  const { directory } = environment;
  const [folder] = call.words;
  const { damaged, repaired } = await auditedCommand(directory, 'repair', folder, () =>
    repairHistory(environment, folder),
  );
  if (call.json) return call.terminal.out(JSON.stringify({ folder, directory, damaged, repaired }));
  call.terminal.out(`${directory}: ${repaired} of ${damaged} damaged files restored`);
}
