import { fail } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import { ownVersion } from '../../environment/own-version.ts';
import { callTool, type McpPlace } from './call-tool.ts';
import { mcpTools } from './tools.ts';

export interface McpOptions {
  readonly place: McpPlace;
  readonly allowActing: boolean;
}

/** A server of the Model Context Protocol with every tool, not connected yet. Error: MCP_PACKAGE. */
export async function mcpServer({ place, allowActing }: McpOptions) {
  const { McpServer } = await loadPackage(() => import('@modelcontextprotocol/sdk/server/mcp.js'));
  const server = new McpServer({ name: 'headrace', version: ownVersion() });
  for (const tool of mcpTools) {
    if (tool.acts && !allowActing) continue;
    const { name, description, input } = tool;
    const annotations = { readOnlyHint: !tool.acts, destructiveHint: tool.acts, openWorldHint: false };
    server.registerTool(name, { description, inputSchema: input, annotations }, async (given: unknown) => {
      const { text, isError } = await callTool(tool, given, place);
      return { content: [{ type: 'text' as const, text }], isError };
    });
  }
  return server;
}

/** Error: MCP_PACKAGE. */
export async function loadPackage<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    throw fail('MCP_PACKAGE', { reason: reasonOf(error) }, error);
  }
}
