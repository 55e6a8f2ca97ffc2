import { parseArgs } from 'node:util';
import { buildSite, siteFolder } from './build.ts';
import { checkSite } from './check-site.ts';

/** `node website/main.ts [--out FOLDER] [REFERENCE ...]`: the site of this checkout, and of older versions below it. */
const { values, positionals } = parseArgs({ options: { out: { type: 'string' } }, allowPositionals: true });
const out = values.out ?? siteFolder;
await buildSite(out, positionals);
const { pages, links, problems } = checkSite(out);
for (const problem of problems) console.error(problem);
console.log(`${pages} pages with ${links} addresses in ${out}`);
process.exitCode = problems.length === 0 ? 0 : 1;
