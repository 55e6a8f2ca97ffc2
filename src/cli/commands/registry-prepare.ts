import { fail } from '../../base/errors/fail.ts';
import { loadableRecord } from '../../registry/version-seal.ts';
import { command } from '../command.ts';
import { withRegistry } from '../open/with-stores.ts';
import { parseValue } from '../options/option.ts';
import { version } from '../options/option-kinds.ts';

const WAYS: Readonly<Record<string, string>> = {
  onnx: 'as ONNX',
  python: 'by a worker in Python',
  upstream: 'by another server',
};

export const registryPrepare = command({
  name: ['registry', 'prepare'],
  summary: 'makes the environment of a version that is a Python program, and loads it once',
  words: '<model> <version or alias>',
  arity: [2, 2],
  run: (call) =>
    withRegistry(call, async ({ environment, site, registry, artifacts }) => {
      const { openForeign, prepareForeign } = await import('../../versions/source/open-foreign.ts');
      const [model = '', word = ''] = call.words;
      const number = /^\d+$/.test(word) ? parseValue('version', version, word) : await registry.alias(model, word);
      if (number === null) throw fail('REGISTRY_ABSENT', { kind: 'version', name: `${model} ${word}` });
      const record = await loadableRecord(registry, model, number);
      const tools = { artifacts, python: await site.python(), upstreams: environment.models.upstreams };
      // Progress is no part of the answer.
      const onLine = (line: string) => call.terminal.err(line);
      if (record.trained === null) await prepareForeign(record, tools, onLine);
      const opened = record.trained === null ? await openForeign(record, tools) : null;
      const served = opened?.kind === 'process' ? opened.platform : 'onnx';
      if (opened?.kind === 'process') await opened.loaded.close();
      if (call.json) return call.terminal.out(JSON.stringify({ model, version: record.version, served }));
      const how = WAYS[served] ?? `by ${served}`;
      call.terminal.out(`${model} version ${record.version} can be served ${how}`);
    }),
});
