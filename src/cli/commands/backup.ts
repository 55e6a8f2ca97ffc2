import { command } from '../command.ts';
import { auditedCommand } from '../open/audited-command.ts';
import { loadConfig } from '../open/load-config.ts';

export const backup = command({
  name: ['backup'],
  summary: 'copies the data of an environment, also while a server is writing',
  words: '<folder>',
  arity: [1, 1],
  async run(call) {
    const { backUpEnvironment } = await import('../../site/back-up.ts');
    const { environment } = await loadConfig(call);
    const [folder] = call.words;
    const { files } = await auditedCommand(environment.directory, 'backup', folder, () =>
      backUpEnvironment(environment, folder, Date.now()),
    );
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    if (call.json) return call.terminal.out(JSON.stringify({ folder, files: files.length, bytes }));
    call.terminal.out(`${folder}: ${files.length} files, ${bytes} bytes`);
  },
});
