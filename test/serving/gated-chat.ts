import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** A chat model that answers the number that it is asked about, in percent, and only while its gate is open. */
export interface GatedChat {
  readonly url: string;
  /** The numbers that it was asked about. */
  readonly asked: number[];
  /** Questions that wait at the gate. */
  readonly held: () => number;
  readonly shut: () => void;
  readonly open: () => void;
  readonly close: () => Promise<void>;
}

export async function openGatedChat(): Promise<GatedChat> {
  const asked: number[] = [];
  const held: (() => void)[] = [];
  let isShut = false;
  const server = createServer((request, response) => {
    void text(request).then((sent) => {
      const { messages } = JSON.parse(sent);
      const number = Number(/number (\S+),/.exec(messages[0].content)?.[1]);
      asked.push(number);
      const message = { role: 'assistant', content: `${number / 1_000}` };
      const body = { id: 'c', object: 'chat.completion', choices: [{ index: 0, message, finish_reason: 'stop' }] };
      const answer = () => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      if (isShut) held.push(answer);
      else answer();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    held: () => held.length,
    shut: () => {
      isShut = true;
    },
    open: () => {
      isShut = false;
      for (const answer of held.splice(0)) answer();
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
