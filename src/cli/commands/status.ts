import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import type { Status } from '../../observe/status.ts';
import { type CommonOptions, command } from '../command.ts';
import { askServer, LOCAL_SERVER } from '../link/ask-server.ts';
import { parseStatus } from '../link/parse-status.ts';
import { openServer } from '../link/server-link.ts';
import { loadConfig } from '../open/load-config.ts';

export const status = command({
  name: ['status'],
  summary: 'shows the state of a running server: ingest, serving, and deviations from the declaration',
  words: '[<server>]',
  arity: [0, 1],
  async run(call) {
    const { words, json, terminal } = call;
    const open = words[0] === undefined ? await openServer(call) : null;
    const server = words[0] ?? open?.name ?? LOCAL_SERVER;
    const text = await (open === null ? askServer(server, '/v1/status') : open.ask('GET', '/v1/status'));
    const found = parseStatus(text, server);
    if (words[0] === undefined && open === null) await mustBeOurs(call, found);
    if (json) return terminal.out(text);
    const { partKinds } = await import('../../running/parts.ts');
    terminal.out([...headLines(found), ...partKinds.flatMap((kind) => kind.lines(found))].join('\n'));
  },
});

/** If no server is named and there is a configuration, the status of the usual address must be of its project. Error: SERVER_PROJECT. */
export async function mustBeOurs(
  call: CommonOptions,
  { project: found, namespace }: Pick<Status, 'project' | 'namespace'>,
): Promise<void> {
  const config = await loadConfig(call).catch((error: unknown) => {
    if (isHeadraceError(error, 'CONFIG_FILE') && call.options.config === undefined) return null;
    throw error;
  });
  if (config === null) return;
  const { project, environment } = config;
  if (project.name === found && environment.namespace === namespace) return;
  const wanted = `${project.name}, namespace ${environment.namespace}`;
  throw fail('SERVER_PROJECT', { server: LOCAL_SERVER, found, namespace, wanted });
}

function headLines({ project, namespace, ready, waiting, degraded }: Status): readonly string[] {
  const state = ready ? (degraded.length === 0 ? 'ready' : 'ready, degraded') : 'not ready';
  return [
    `${project}: ${state}, namespace ${namespace}`,
    ...waiting.map((reason) => `  waiting: ${reason}`),
    ...degraded.map((reason) => `  degraded: ${reason}`),
  ];
}
