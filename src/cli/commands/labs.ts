import { command, served } from '../command.ts';
import { option } from '../options/option.ts';
import { folder } from '../options/option-kinds.ts';
import { port } from '../serve/listen-options-of.ts';

export const labs = command({
  name: ['labs'],
  stop: [served()],
  summary: 'serves five labs with the console: a question, steps on a running system, decisions that its figures judge',
  words: '[<lab>]',
  arity: [0, 1],
  options: {
    port: option(port, 'port to listen on; 0 for a free one', 8080),
    directory: option(folder, 'folder of the data and of the progress', '.headrace/labs'),
  },
  async run(call) {
    const { runLabs } = await import('../labs/run-labs.ts');
    return runLabs(call, call.options);
  },
});
