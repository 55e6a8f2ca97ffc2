import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../scripts/run-command.ts';

/** A body of any bytes, with its fields. */
export interface BytesBody {
  readonly body: Uint8Array;
  readonly fields: Readonly<Record<string, string>>;
}

/** What wrk saw: requests a second and answers that were none. */
export interface WrkResult {
  readonly requestsPerSecond: number;
  readonly errors: number;
}

/** Bodies that differ in one number, which wrk draws evenly from 0 to below `of` for each request. */
export interface RandomBodies {
  readonly before: string;
  readonly of: number;
  readonly after: string;
}

/**
 * Loads a URL on loopback for some seconds, each connection one request after the other. `bodies`: requests are POSTs of these in turn, or
 * of bodies that wrk makes.
 */
export async function wrk(
  url: string,
  seconds: number,
  bodies: readonly string[] | RandomBodies | BytesBody = [],
  accept = '*/*',
  connections = 64,
): Promise<WrkResult> {
  if (!url.startsWith('http://127.0.0.1:')) throw new Error(`${url} is not on loopback`);
  const script = scriptOf(bodies, accept);
  const { code, output } = await runCommand('wrk', ['-t1', `-c${connections}`, `-d${seconds}s`, ...script, url], {
    limitMs: (seconds + 30) * 1_000,
  });
  const rate = /Requests\/sec:\s+([\d.]+)/.exec(output)?.[1];
  if (code !== 0 || rate === undefined) throw new Error(`wrk is needed (Debian package wrk): ${output}`);
  const refused = Number(/Non-2xx or 3xx responses: (\d+)/.exec(output)?.[1] ?? 0);
  const broken = [...(/Socket errors: (.*)/.exec(output)?.[1] ?? '').matchAll(/\d+/g)].reduce(
    (sum, [count]) => sum + Number(count),
    0,
  );
  // Which kind they were of is the first question.
  for (const line of output.split('\n')) if (/Non-2xx|Socket errors/.test(line)) console.error(`wrk:${line}`);
  return { requestsPerSecond: Number(rate), errors: refused + broken };
}

function scriptOf(bodies: readonly string[] | RandomBodies | BytesBody, accept: string): readonly string[] {
  if ('body' in bodies) return ['-s', bytesScript(bodies)];
  if (!('of' in bodies) && bodies.length === 0) return [];
  return ['-s', luaScript('of' in bodies ? randomLua(bodies) : turnsLua(bodies)), '-H', `accept: ${accept}`];
}

let scripts: string | null = null;

/** A folder for a script of this process; all go when it ends. */
function scriptFolder(): string {
  if (scripts === null) {
    const made = mkdtempSync(join(tmpdir(), 'wrk-'));
    process.once('exit', () => rmSync(made, { recursive: true, force: true }));
    scripts = made;
  }
  return mkdtempSync(join(scripts, 'script-'));
}

function luaScript(requests: string): string {
  const path = join(scriptFolder(), 'post.lua');
  writeFileSync(path, `wrk.method = "POST"\nwrk.headers["content-type"] = "application/json"\n${requests}`);
  return path;
}

function bytesScript({ body, fields }: BytesBody): string {
  const folder = scriptFolder();
  writeFileSync(join(folder, 'body'), body);
  const headers = Object.entries(fields).map(([name, value]) => `wrk.headers["${name}"] = "${value}"`);
  const lines = ['wrk.method = "POST"', ...headers, `wrk.body = io.open("${join(folder, 'body')}", "rb"):read("*a")`];
  writeFileSync(join(folder, 'post.lua'), lines.join('\n'));
  return join(folder, 'post.lua');
}

function turnsLua(bodies: readonly string[]): string {
  const list = bodies.map((body) => `[==[${body}]==]`).join(',');
  return `
local bodies = {${list}}
local requests = {}
local next = 0
init = function()
  for i, body in ipairs(bodies) do requests[i] = wrk.format(nil, nil, nil, body) end
end
request = function()
  next = next % #requests + 1
  return requests[next]
end`;
}

function randomLua({ before, of, after }: RandomBodies): string {
  return `
math.randomseed(7)
request = function()
  return wrk.format(nil, nil, nil, [==[${before}]==] .. math.random(0, ${of - 1}) .. [==[${after}]==])
end`;
}
