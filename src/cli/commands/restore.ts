import { fail } from '../../base/errors/fail.ts';
import { type Call, command } from '../command.ts';
import { auditedCommand } from '../open/audited-command.ts';
import { loadConfig } from '../open/load-config.ts';
import { flag } from '../options/option.ts';

export const restore = command({
  name: ['restore'],
  summary:
    'checks a backup and restores it into an empty environment; or rebuilds or restores damaged files of the history',
  words: '[<folder>]',
  arity: [0, 1],
  options: {
    damaged: flag(
      'only the damaged files of the history: from the backup, or rebuilt from the event log without a folder',
    ),
  },
  async run(call) {
    const [folder] = call.words;
    if (call.options.damaged) return folder === undefined ? rebuild(call) : repair(call, folder);
    if (folder === undefined)
      throw fail('CLI_OPTION', { command: 'restore', reason: 'it needs a folder or --damaged' });
    const { restore: restoreBackup } = await import('../../operating/restore.ts');
    const { environment } = await loadConfig(call);
    const { directory } = environment;
    const { files, madeAt } = await auditedCommand(directory, 'restore', folder, () =>
      restoreBackup(folder, directory),
    );
    if (call.json) return call.terminal.out(JSON.stringify({ folder, directory, files: files.length, madeAt }));
    call.terminal.out(`${directory}: ${files.length} files of ${new Date(madeAt).toISOString()}, checksums verified`);
  },
});

/** Restores damaged files of the history from a backup. Error: OFFLINE_CORRUPT for the first that is not in it. */
async function repair(call: Call, folder: string): Promise<void> {
  const { repairHistory } = await import('../../site/history-files.ts');
  const { environment } = await loadConfig(call);
  const { directory } = environment;
  const { damaged, repaired } = await auditedCommand(directory, 'repair', folder, () =>
    repairHistory(environment, folder),
  );
  if (call.json) return call.terminal.out(JSON.stringify({ folder, directory, damaged, repaired }));
  call.terminal.out(`${directory}: ${repaired} of ${damaged} damaged files restored`);
}

/** Rebuilds damaged files of the history from the event log. Error: OFFLINE_UNREBUILT for the first that cannot be rebuilt. */
async function rebuild(call: Call): Promise<void> {
  const { rebuildEnvironmentHistory } = await import('../../site/rebuild-history.ts');
  const { backupsWith } = await import('../../operating/backups-of.ts');
  const { project, environment } = await loadConfig(call);
  const { directory } = environment;
  const { damaged, rebuilt, left } = await auditedCommand(directory, 'rebuild', 'history', () =>
    rebuildEnvironmentHistory(project, environment, (error) => call.terminal.err(`headrace: ${String(error)}`)),
  );
  const files = left.map((file) => ({ ...file, backups: backupsWith(directory, file.file) }));
  if (call.json) call.terminal.out(JSON.stringify({ directory, damaged, rebuilt, left: files }));
  else call.terminal.out(`${directory}: ${rebuilt} of ${damaged} damaged files rebuilt from the event log`);
  for (const { file, reason, backups } of files.slice(1))
    call.terminal.err(`headrace: ${file}: ${reason}; backups that have it: ${backups.join(', ') || 'none'}`);
  const [first] = files;
  if (first !== undefined) {
    const { file, reason, backups } = first;
    throw fail('OFFLINE_UNREBUILT', { file, reason, backups: backups.join(', ') || 'none' });
  }
}
