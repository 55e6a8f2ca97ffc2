import { predict } from '../../src/cli/commands/predict.ts';
import { parseCall } from '../../src/cli/options/parse-call.ts';
import { createOipClient } from '../../src/client/oip/create-oip-client.ts';
import { defineProject } from '../../src/features/define/declare.ts';
import { openHeadrace } from '../../src/running/headrace.ts';
import type { Tensor } from '../../src/schema/tensor.ts';
import { startServer } from '../../src/server/http-server.ts';

/** Runs the command in this process; gives its answer. */
export async function predictHere(site: string, ...args: readonly string[]): Promise<unknown> {
  const lines: string[] = [];
  const say = { out: (text: string) => lines.push(text), err: () => undefined };
  const terminal = { ...say, interactive: false, stopped: new Promise<void>(() => undefined) };
  await predict.run(parseCall(predict, [...args, '--registry', site, '--workers', '1', '--json'], terminal));
  return JSON.parse(lines.at(-1) ?? '');
}

/** What a server of the registry answers. */
export async function served(
  site: string,
  model: string,
  inputs: readonly Tensor[],
  outputs: readonly Omit<Tensor, 'data'>[],
) {
  const headrace = await openHeadrace({ project: defineProject('p', {}), environment: { directory: site } });
  const server = await startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: 2 ** 20 });
  try {
    const client = createOipClient({ url: server.url });
    const given = Object.fromEntries(inputs.map((tensor) => [tensor.name, tensor]));
    const answer: unknown = await client.infer({ name: model, inputs, outputs } as never, given as never, {
      version: '1',
    });
    return answer as Readonly<Record<string, Tensor>>;
  } finally {
    await server.close();
    await headrace.close();
  }
}
