import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fail } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import { isLoopback } from '../../server/host-list.ts';
import { loadPackage, type McpOptions, mcpServer } from './mcp-server.ts';

const MCP_PATH = '/mcp';
const HOST = '127.0.0.1';

export interface McpHttp {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Serves the protocol over HTTP (Streamable HTTP) on this machine, each request by itself. Only hosts of this machine are answered: a page elsewhere whose
 * name leads here is not. With a key, a caller must send it. Errors: MCP_PACKAGE, SERVER_ADDRESS.
 */
export async function serveMcpHttp(
  options: McpOptions,
  { port, key }: { readonly port: number; readonly key: string | undefined },
): Promise<McpHttp> {
  const { StreamableHTTPServerTransport } = await loadPackage(
    () => import('@modelcontextprotocol/sdk/server/streamableHttp.js'),
  );
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const refused = refusalOf(request, key);
    if (refused !== null) return void response.writeHead(refused).end();
    const transport = new StreamableHTTPServerTransport({});
    const server = await mcpServer(options);
    response.once('close', () => void server.close());
    await server.connect(transport);
    await transport.handleRequest(request, response);
  };
  const http = createServer((request, response) => {
    answer(request, response).catch(() => {
      if (!response.headersSent) response.writeHead(500);
      response.end();
    });
  });
  await new Promise<void>((listening, failed) => {
    http.once('error', (error) =>
      failed(fail('SERVER_ADDRESS', { address: `${HOST}:${port}`, reason: reasonOf(error) }, error)),
    );
    http.listen(port, HOST, listening);
  });
  const { port: at } = http.address() as AddressInfo;
  return {
    url: `http://${HOST}:${at}${MCP_PATH}`,
    close: () =>
      new Promise((closed) => {
        http.close(() => closed());
        http.closeAllConnections();
      }),
  };
}

/** The status of a refusal; null: the request is answered. */
function refusalOf({ url, headers }: IncomingMessage, key: string | undefined): number | null {
  if (url?.split('?')[0] !== MCP_PATH) return 404;
  if (!isHere(`http://${headers.host}`) || (headers.origin !== undefined && !isHere(headers.origin))) return 403;
  return key === undefined || headers.authorization === `Bearer ${key}` ? null : 401;
}

/** Whether an address names this machine. */
function isHere(address: string): boolean {
  const host = URL.parse(address)?.hostname.replace(/^\[|\]$/g, '');
  return host !== undefined && isLoopback(host);
}
