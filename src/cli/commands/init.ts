import { command } from '../command.ts';

export const init = command({
  name: ['init'],
  summary: 'a new project that runs: declaration, test, training program and sample data',
  words: '[<folder>]',
  arity: [0, 1],
  async run(call) {
    const { mkdirSync, writeFileSync } = await import('node:fs');
    const { dirname, join, relative, resolve } = await import('node:path');
    const { projectFiles } = await import('../scaffold/project-files.ts');
    const folder = resolve(call.words[0] ?? '.');
    const files = projectFiles(folder, Date.now());
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
    if (call.json) return call.terminal.out(JSON.stringify({ folder, files: Object.keys(files) }));
    call.terminal.out(`made ${Object.keys(files).join(', ')} in ${folder}`);
    const there = relative(process.cwd(), folder);
    const enter = there === '' ? [] : [`  cd ${there}`];
    call.terminal.out(
      ['next, as README.md says:', ...enter, '  npm install', '  npm test', '  npx headrace dev'].join('\n'),
    );
  },
});
