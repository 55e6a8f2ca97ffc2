import type { Status } from '../../observe/status.ts';
import { askServer, LOCAL_SERVER } from '../ask-server.ts';
import type { Command } from '../command.ts';

export const status: Command = {
  name: ['status'],
  summary: 'where a running server stands: what came in, what is served, what is not as declared',
  words: '[<server>]',
  arity: [0, 1],
  options: {},
  help: {},
  async run({ words, json, terminal }) {
    const text = await askServer(words[0] ?? LOCAL_SERVER, '/v1/status');
    if (json) return terminal.out(text);
    const { partKinds } = await import('../../parts.ts');
    const answer: Status = JSON.parse(text);
    terminal.out([...headLines(answer), ...partKinds.flatMap((kind) => kind.lines(answer))].join('\n'));
  },
};

function headLines({ project, namespace, ready, waiting, degraded }: Status): readonly string[] {
  const state = ready ? (degraded.length === 0 ? 'ready' : 'ready, degraded') : 'not ready';
  return [
    `${project}: ${state}, namespace ${namespace}`,
    ...waiting.map((reason) => `  waits: ${reason}`),
    ...degraded.map((reason) => `  degraded: ${reason}`),
  ];
}
