import { writeFile } from 'node:fs/promises';
import { root } from './run-command.ts';
import { writtenPages } from './written-pages.ts';

for (const [path, text] of Object.entries(writtenPages())) await writeFile(`${root}/${path}`, text);
