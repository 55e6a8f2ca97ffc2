import { isHeadraceError } from '../../base/errors/fail.ts';
import { printable } from '../../base/printable.ts';
import { reasonOf } from '../../base/reason-of.ts';
import type { Terminal } from '../command.ts';
import { parseCall } from '../options/parse-call.ts';
import type { McpTool } from './tools.ts';

/** Options of the call that every tool is given as well. */
export interface McpPlace {
  readonly config?: string | undefined;
  readonly env?: string | undefined;
  readonly server?: string | undefined;
  /** Called before a tool acts. Errors: AUTH_KEY, AUTH_SCOPE. */
  readonly mayAct?: (() => void) | undefined;
}

/** The answer of a tool: the JSON of its command, or its error and hint. */
export interface ToolAnswer {
  readonly text: string;
  readonly isError: boolean;
}

/** Runs the command of a tool with --json, and gives its last line. Never throws. */
export async function callTool(tool: McpTool, input: unknown, place: McpPlace): Promise<ToolAnswer> {
  const lines: string[] = [];
  const terminal: Terminal = {
    out: (text) => lines.push(...printable(text).split('\n')),
    err: () => undefined,
    interactive: false,
    stopped: new Promise(() => undefined),
  };
  try {
    if (tool.acts) place.mayAct?.();
    await tool.command.run(parseCall(tool.command, argumentsOf(tool, input, place), terminal));
    return { text: lines.findLast((line) => line !== '') ?? '{}', isError: false };
  } catch (error) {
    const found = isHeadraceError(error)
      ? { code: error.code, message: error.message, hint: error.hint }
      : { code: 'UNEXPECTED', message: reasonOf(error) };
    return { text: JSON.stringify({ error: found }), isError: true };
  }
}

/** The arguments of a tool's command. A word of a caller never becomes an option, nor the text of an option another one. */
export function argumentsOf(
  { asks, callOf }: Pick<McpTool, 'asks' | 'callOf'>,
  input: unknown,
  { config, env, server }: McpPlace,
): readonly string[] {
  const { words, options = {} } = callOf(input as never);
  const all = { ...options, json: true, config, env, ...(asks ? { server } : {}) };
  const written = Object.entries(all).flatMap(([name, value]) => {
    if (value === undefined || value === false) return [];
    if (value === true) return [`--${name}`];
    return [value].flat().map((text) => `--${name}=${text}`);
  });
  return [...written, '--', ...words];
}
