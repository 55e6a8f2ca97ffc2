import { auditedCommand } from '../audit.ts';
import type { Command } from '../command.ts';
import { wholeOption } from '../parse-option.ts';
import { withHeadrace } from '../with-headrace.ts';

export const models: Command = {
  name: ['models'],
  summary: 'versions of the declared models; --promote moves the champion',
  words: '[<model>]',
  arity: [0, 1],
  options: { promote: { type: 'string' } },
  help: { promote: 'version to make champion; names the model' },
  async run(call) {
    await withHeadrace(call, async (headrace) => {
      const named = call.words.length === 0 ? headrace.project.models : [headrace.model(call.words[0])];
      const promoted = wholeOption('promote', call.options['promote'], 0, 1, Number.MAX_SAFE_INTEGER);
      for (const model of named)
        if (promoted > 0)
          await auditedCommand(headrace.directory, 'promote', `${model.name} ${promoted}`, () =>
            headrace.promote(model, promoted),
          );
      const all = await Promise.all(
        named.map(async (model) => ({ model: model.name, ...(await headrace.versions(model)) })),
      );
      if (call.json) return call.terminal.out(JSON.stringify(all));
      for (const { model, versions, champion } of all) {
        if (versions.length === 0) call.terminal.out(`${model}: no version yet; headrace train ${model} makes one`);
        for (const { version, createdAt, metrics } of versions) {
          const mark = version === champion ? 'champion' : '        ';
          call.terminal.out(
            `${model} ${version} ${mark} ${new Date(createdAt).toISOString()} auc ${metrics['auc']?.toFixed(4) ?? '-'}`,
          );
        }
      }
    });
  },
};
