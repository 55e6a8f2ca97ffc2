import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fail } from '../../base/errors/fail.ts';
import type { Command } from '../command.ts';

export const init: Command = {
  name: ['init'],
  summary: 'a new project that runs, in a folder of its own',
  words: '[<folder>]',
  arity: [0, 1],
  options: {},
  help: {},
  async run(call) {
    const folder = resolve(call.words[0] ?? '.');
    if (existsSync(folder) && readdirSync(folder).length > 0) throw fail('INIT_FOLDER', { folder });
    mkdirSync(folder, { recursive: true });
    const files = projectFiles();
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    if (call.json) return call.terminal.out(JSON.stringify({ folder, files: Object.keys(files) }));
    call.terminal.out(`made ${Object.keys(files).join(', ')} in ${folder}`);
    call.terminal.out(
      ['next:', `  cd ${folder}`, '  npm install', '  npx headrace plan', '  npx headrace dev'].join('\n'),
    );
  },
};

function projectFiles(): Readonly<Record<string, string>> {
  return {
    'package.json': `${JSON.stringify({ private: true, type: 'module', dependencies: { headrace: `^${ownVersion()}` } }, null, 2)}\n`,
    'project.ts': PROJECT,
    'headrace.config.ts': CONFIG,
    '.gitignore': 'node_modules/\n.headrace/\n',
  };
}

function ownVersion(): string {
  const manifest = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return manifest.version;
}

const CONFIG = `import { defineConfig } from 'headrace';
import project from './project.ts';

export default defineConfig({ project, environments: { local: {} } });
`;

const PROJECT = `import { count, decimal, defineProject, entity, eventSource, featureService, lookup, mean, streamView, sum, text, time } from 'headrace';

const user = entity('user', { user: text() });

export const purchases = eventSource('purchases', {
  id: 'id',
  time: 'at',
  columns: { id: text(), at: time(), user: text(), price: decimal(2, { unit: 'EUR' }) },
});

const spend = streamView('spend', {
  source: purchases,
  entity: user,
  key: { user: 'user' },
  windows: ['1h', '7d'],
  freshness: '1s',
  features: (e) => ({ purchases: count(), spent: sum(e.price), mean_price: mean(e.price) }),
});

export const shopper = featureService('shopper', {
  request: { user: text() },
  join: (r) => ({ spend: lookup(spend, { user: r.user }) }),
});

export default defineProject('shop', { purchases, shopper });
`;
