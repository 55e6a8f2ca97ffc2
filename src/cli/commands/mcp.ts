import { fail } from '../../base/errors/fail.ts';
import { isLoopback } from '../../server/host-list.ts';
import { type Call, command, served } from '../command.ts';
import { urlOf } from '../link/ask-server.ts';
import { serverOption } from '../link/server-link.ts';
import { loadConfig } from '../open/load-config.ts';
import { flag, option } from '../options/option.ts';
import { port } from '../serve/listen-options-of.ts';

const options = {
  port: option(port, 'serve HTTP on this port of this machine, 0 for a free one; without it stdin and stdout are used'),
  'allow-acting': flag(
    'offer the tools that promote, roll back and approve: with --server and the key of HEADRACE_API_KEY, whose scopes count',
  ),
  ...serverOption,
};

type Asked = Call<typeof options>;

export const mcp = command({
  name: ['mcp'],
  stop: [served()],
  summary:
    'serves agents by the Model Context Protocol: features, drift, traces, costs, versions and rollouts as tools',
  words: '',
  arity: [0, 0],
  options,
  async run(call) {
    const allowActing = call.options['allow-acting'];
    const key = process.env['HEADRACE_API_KEY'];
    const mayAct = allowActing ? await actingBy(call, key) : undefined;
    const { config, env, server } = call.options;
    const asked = { place: { config, env, server, mayAct }, allowActing };
    const { port: at } = call.options;
    if (at === undefined) return serveStdio(call, asked);
    const { serveMcpHttp } = await import('../mcp/serve-http.ts');
    const http = await serveMcpHttp(asked, { port: at, key: allowActing ? key : undefined });
    call.terminal.out(
      call.json ? JSON.stringify({ url: http.url }) : `tools for agents on ${http.url}; Ctrl-C to stop`,
    );
    await call.terminal.stopped;
    await http.close();
  },
});

/**
 * The check before a tool acts. It goes through a server, which keeps the audit log and judges the key. A server of this machine answers everybody:
 * the keys of its environment are read here. Errors: MCP_ACTING, CONFIG_FILE.
 */
async function actingBy(call: Asked, key: string | undefined): Promise<(() => void) | undefined> {
  const { server } = call.options;
  if (server === undefined) throw fail('MCP_ACTING', { lacks: '--server' });
  if (key === undefined) throw fail('MCP_ACTING', { lacks: 'HEADRACE_API_KEY' });
  if (!isLoopback(urlOf(server, '/').hostname.replace(/^\[|\]$/g, ''))) return undefined;
  const { KeyRing } = await import('../../operating/key-ring.ts');
  const { environment } = await loadConfig(call);
  const ring = new KeyRing(environment.directory);
  return () => void ring.authorise(`Bearer ${key}`, 'admin');
}

async function serveStdio({ terminal }: Asked, asked: Parameters<typeof import('../mcp/mcp-server.ts').mcpServer>[0]) {
  const { loadPackage, mcpServer } = await import('../mcp/mcp-server.ts');
  const { StdioServerTransport } = await loadPackage(() => import('@modelcontextprotocol/sdk/server/stdio.js'));
  const server = await mcpServer(asked);
  const ended = new Promise<void>((over) => {
    server.server.onclose = over;
    process.stdin.once('end', over);
  });
  await server.connect(new StdioServerTransport());
  await Promise.race([ended, terminal.stopped]);
  await server.close();
}
