import { fail } from '../../base/errors/fail.ts';
import type { FeatureServiceData } from '../../features/define/declaration.ts';
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
        requestOf(service, pairs),
        instantOption('at', call.options['at']),
      );
      call.terminal.out(call.json ? text : JSON.stringify(JSON.parse(text), null, 2));
    });
  },
};

/** `column=value` words as a request; numbers and booleans are read by the declared type. Error: CLI_VALUE. */
function requestOf({ request }: FeatureServiceData, pairs: readonly string[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      if (at < 1) throw fail('CLI_VALUE', { option: 'request', value: pair, wanted: '<column>=<value>' });
      const [column, value] = [pair.slice(0, at), pair.slice(at + 1)];
      const type = request[column]?.type;
      if (type === 'bool') return [column, value === 'true' ? true : value === 'false' ? false : value];
      return [column, type === 'int' || type === 'float' || type === 'time' ? Number(value) : value];
    }),
  );
}
