import { fail } from '../../base/errors/fail.ts';
import { type Call, command, unfinished } from '../command.ts';
import { flag, option } from '../options/option.ts';
import { choice } from '../options/option-kinds.ts';
import type { Template } from '../scaffold/template.ts';

/** The names of the templates, which a call that makes no project does not load. */
const TEMPLATES = ['features', 'model', 'personalisation', 'drift', 'gpu'] as const;

const options = {
  template: option(
    choice(TEMPLATES),
    'features; model: features and a model; personalisation; drift: of files only; gpu: diagnosis only. Without it, arrow keys choose on a terminal, and model is taken elsewhere',
  ),
  install: flag('install its packages too, by the package manager that runs this'),
};

type Asked = Call<typeof options>;

export const init = command({
  name: ['init'],
  stop: [unfinished('INIT_STOPPED', 'with `--install`'), unfinished('INIT_LEFT', 'at the choice of a template')],
  summary: 'a new project that runs, by a template: declaration or command, test, sample data',
  words: '[<folder>]',
  arity: [0, 1],
  options,
  async run(call) {
    const { mkdirSync, writeFileSync } = await import('node:fs');
    const { dirname, join, relative, resolve } = await import('node:path');
    const { projectFiles } = await import('../scaffold/project-files.ts');
    const { inManager, packageManager } = await import('../scaffold/package-manager.ts');
    const manager = packageManager();
    const template = await templateOf(call);
    if (template === null) throw fail('INIT_LEFT', {});
    const folder = resolve(call.words[0] ?? '.');
    const files = projectFiles(folder, template, Date.now(), manager);
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
    if (call.options.install) {
      const { installPackages } = await import('../scaffold/install-packages.ts');
      call.terminal.err(`headrace: ${manager.name} installs the packages of the project`);
      const stopped = new AbortController();
      void call.terminal.stopped.then(() => stopped.abort());
      await installPackages(folder, { manager, signal: stopped.signal });
    }
    if (call.json)
      return call.terminal.out(JSON.stringify({ folder, template: template.name, files: Object.keys(files) }));
    call.terminal.out(`made ${Object.keys(files).join(', ')} in ${folder}`);
    const there = relative(process.cwd(), folder);
    const enter = there === '' ? [] : [`cd ${/\s/.test(there) ? `'${there}'` : there}`];
    const install = call.options.install ? [] : ['npm install'];
    const next = [...enter, ...install, ...template.next].map((line) => `  ${inManager(manager, line)}`);
    call.terminal.out(['next, as README.md says:', ...next].join('\n'));
  },
});

/** The template of a call; null: a person left the choice. */
async function templateOf({ options: { template: name }, terminal, json }: Asked): Promise<Template | null> {
  const { templates, usualTemplate } = await import('../scaffold/templates.ts');
  if (name !== undefined) return templates.find((one) => one.name === name) ?? usualTemplate;
  if (json || !terminal.interactive || process.stdin.isTTY !== true) return usualTemplate;
  const { choose } = await import('../scaffold/choose.ts');
  const lines = templates.map(({ name: word, title }) => `${word.padEnd(16)}${title}`);
  const place = await choose('a project of which kind? (arrow keys, Enter)', lines, templates.indexOf(usualTemplate));
  return place === null ? null : templates[place];
}
