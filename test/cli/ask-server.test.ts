import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { askEach, askServer } from '../../src/cli/link/ask-server.ts';

/** A server on one loopback address that answers with its address and the host it was asked as. */
async function answering(address: string, port: number): Promise<number> {
  const server = createServer((request, response) => {
    response.writeHead(request.url === '/v1/slo' ? 200 : 404).end(`${address} ${request.headers.host}`);
  });
  server.listen(port, address);
  await once(server, 'listening');
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  return (server.address() as AddressInfo).port;
}

const resolve = async () => ['127.0.0.1', '127.0.0.2'];

test('every address that a name stands for is asked, under the name', async () => {
  const port = await answering('127.0.0.1', 0);
  await answering('127.0.0.2', port);
  const host = `features.internal:${port}`;
  expect(await askEach(`http://${host}`, '/v1/slo', resolve)).toEqual([`127.0.0.1 ${host}`, `127.0.0.2 ${host}`]);
  expect(await askEach(`http://127.0.0.1:${port}`, '/v1/slo', resolve)).toEqual([`127.0.0.1 127.0.0.1:${port}`]);
  expect(await askServer(`http://127.0.0.2:${port}`, '/v1/slo')).toBe(`127.0.0.2 127.0.0.2:${port}`);
});

test('one that does not answer, or answers otherwise, fails the whole and is named', async () => {
  const port = await answering('127.0.0.1', 0);
  const server = `http://features.internal:${port}`;
  await expect(askEach(server, '/v1/slo', resolve)).rejects.toMatchObject({
    code: 'SERVER_ASK',
    facts: { server: `${server} (127.0.0.2)` },
  });
  await expect(askServer(`http://127.0.0.1:${port}`, '/else')).rejects.toMatchObject({
    code: 'SERVER_ASK',
    facts: { reason: 'it answered 404' },
  });
  const unknown = askEach('http://nobody.invalid:1', '/v1/slo', async () => {
    throw new Error('no such name');
  });
  await expect(unknown).rejects.toMatchObject({ code: 'SERVER_ASK', facts: { reason: 'no such name' } });
  await expect(askEach('features', '/v1/slo')).rejects.toMatchObject({ code: 'CLI_VALUE' });
});
