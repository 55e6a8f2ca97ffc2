import { writeFile } from 'node:fs/promises';
import { apiReports } from './api-report.ts';
import { root } from './run-command.ts';
import { writtenPages } from './written-pages.ts';

const written = { ...writtenPages(), ...(await apiReports()) };
for (const [path, text] of Object.entries(written)) await writeFile(`${root}/${path}`, text);
