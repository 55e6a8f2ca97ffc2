import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { defineProject, functionModel } from 'headrace';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { type RunningServer, startServer } from '../../src/server/http-server.ts';

const LISTEN = { host: '127.0.0.1', port: 0, bodyLimit: 2 ** 20 };

/** Servers elsewhere that answer versions. */
export interface UpstreamSite {
  readonly there: { readonly headrace: Headrace; readonly server: RunningServer };
  readonly chat: Server;
  readonly chatUrl: string;
  /** The calls of the chat server so far. */
  readonly chatted: { readonly content: string; readonly key: string | undefined }[];
  close(): Promise<void>;
}

export async function openUpstreams(root: string): Promise<UpstreamSite> {
  const chatted: UpstreamSite['chatted'] = [];
  const there = await openThere(root);
  const chat = await openChat(chatted);
  return {
    there,
    chat,
    chatUrl: `http://127.0.0.1:${(chat.address() as AddressInfo).port}`,
    chatted,
    close: async () => {
      await there.server.close();
      await there.headrace.close();
      chat.close();
    },
  };
}

/** Another server that speaks the Open Inference Protocol: it adds one to the number, and runs it through a sigmoid. */
async function openThere(root: string): Promise<UpstreamSite['there']> {
  const shifted = functionModel({
    name: 'shifted',
    inputs: [{ name: 'number', type: 'FP64', shape: [-1, 1] }],
    outputs: [{ name: 'probability', type: 'FP64', shape: [-1, 1] }],
    run: ({ number }) => ({
      probability: { shape: number.shape, data: number.data.map((value) => 1 / (1 + Math.exp(-value - 1))) },
    }),
  });
  const models = { functions: [shifted] };
  const opened = await openHeadrace({
    project: defineProject('there', {}),
    environment: { directory: join(root, 'there'), models },
  });
  return { headrace: opened, server: await startServer(opened, LISTEN) };
}

/** A server of OpenAI's chat completions: it answers the number that it is asked about, in percent. */
async function openChat(chatted: UpstreamSite['chatted']): Promise<Server> {
  const opened = createServer((request, response) => {
    void text(request).then((sent) => {
      const { messages } = JSON.parse(sent);
      const [{ content }] = messages;
      chatted.push({ content, key: request.headers.authorization });
      const [, number = ''] = /number (\S+),/.exec(content) ?? [];
      const answer = Number(number) > 1.9 ? 'very likely' : ` ${Math.abs(Number(number)) / 10}\n`;
      const message = { role: 'assistant', content: answer };
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify({ id: 'c', object: 'chat.completion', choices: [{ index: 0, message, finish_reason: 'stop' }] }),
      );
    });
  });
  opened.listen(0, '127.0.0.1');
  await once(opened, 'listening');
  return opened;
}
