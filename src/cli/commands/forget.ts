import { createHash } from 'node:crypto';
import type { ForgetReport } from '../../operating/forget.ts';
import { command } from '../command.ts';
import { auditedCommand } from '../open/audited-command.ts';
import { withHeadrace } from '../open/with-headrace.ts';
import { columnWords } from '../options/column-words.ts';

export const forget = command({
  name: ['forget'],
  summary: 'deletes an entity from log, history and online store, and verifies it',
  words: '<entity> <column>=<value>…',
  arity: [2, 100],
  async run(call) {
    await withHeadrace(call, async (headrace) => {
      const [entity, ...pairs] = call.words;
      const key = columnWords({}, pairs);
      const target = `${entity} ${createHash('sha256').update(JSON.stringify(key)).digest('hex')}`;
      const report = await auditedCommand(headrace.directory, 'forget', target, () => headrace.forget(entity, key));
      call.terminal.out(call.json ? JSON.stringify(report) : reportText(report));
    });
  },
});

function reportText({ entity, stores, trainingSets, spineSets, untouched }: ForgetReport): string {
  return [
    `${entity}: forgotten`,
    ...stores.map(({ store, name, before, after }) => `  ${store} ${name}: ${before}, now ${after}`),
    ...trainingSets.map(({ model, versions, path, rows }) => {
      const of = `training set of ${model}${versions.length === 0 ? '' : `, versions ${versions.join(', ')}`}`;
      return path === null
        ? `  ${of}: its file is missing, and may have had rows`
        : `  ${of}: ${rows} rows stay in ${path}`;
    }),
    ...spineSets.map(({ path, rows }) => `  training set of a spine: ${rows} rows stay in ${path}`),
    ...untouched.map((source) => `  source ${source}: no column of it is known to contain the key`),
  ].join('\n');
}
