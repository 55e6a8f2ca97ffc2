import type { Command } from '../command.ts';
import { instantOption } from '../parse-option.ts';
import { withHeadrace } from '../with-headrace.ts';

export const train: Command = {
  name: ['train'],
  summary: 'builds a training set, trains a model in a process of its own, registers the version',
  words: '<model>',
  arity: [1, 1],
  options: {
    from: { type: 'string' },
    to: { type: 'string' },
    'as-known': { type: 'boolean' },
    promote: { type: 'boolean' },
  },
  help: {
    from: 'first instant of the rows: epoch ms or a UTC date',
    to: 'end of the rows, exclusive (where labels have had their time: now less the label’s within)',
    'as-known': 'only with what had arrived at each instant',
    promote: 'make the version champion',
  },
  async run(call) {
    await withHeadrace(call, async (headrace) => {
      const model = headrace.model(call.words[0]);
      const from = instantOption('from', call.options['from']);
      const to = instantOption('to', call.options['to']);
      const version = await headrace.train(model, {
        ...(from === undefined ? {} : { from }),
        ...(to === undefined ? {} : { to }),
        mode: call.options['as-known'] === true ? 'as-known' : 'corrected',
        onLine: (line) => call.terminal.err(line),
      });
      if (call.options['promote'] === true) await headrace.promote(model, version.version);
      if (call.json) return call.terminal.out(JSON.stringify(version));
      const metrics = Object.entries(version.metrics).map(([name, value]) => `${name} ${value}`);
      call.terminal.out(
        `${model.name} version ${version.version}: ${version.lineage.trainingSet.rows} rows, ${metrics.join(', ')}`,
      );
    });
  },
};
