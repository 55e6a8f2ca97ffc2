import { columnWords } from '../column-words.ts';
import type { Command } from '../command.ts';
import { instantOption } from '../parse-option.ts';
import { withHeadrace } from '../with-headrace.ts';

export const featuresGet: Command = {
  name: ['features', 'get'],
  summary: 'one feature vector',
  words: '<service> <column>=<value>…',
  arity: [1, 100],
  options: { at: { type: 'string' } },
  help: { at: 'instant that it is as of (now): epoch ms or a UTC date' },
  async run(call) {
    await withHeadrace(call, async (headrace) => {
      const [name, ...pairs] = call.words;
      const service = headrace.service(name);
      const text = await headrace.vectorText(
        service,
        columnWords(service.request, pairs),
        instantOption('at', call.options['at']),
      );
      call.terminal.out(call.json ? text : JSON.stringify(JSON.parse(text), null, 2));
    });
  },
};
