import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** A schema as the registry keeps it. */
export interface KeptSchema {
  readonly schema: string;
  readonly schemaType?: 'AVRO' | 'PROTOBUF' | 'JSON' | 'THRIFT';
  /** Of Protobuf: what `format=serialized` answers with. */
  readonly serialized?: string;
  readonly references?: readonly { readonly name: string; readonly subject: string; readonly version: number }[];
}

/** A server of the part of the registry's documented API that a reader needs, on the loopback interface. */
export async function localRegistry(
  schemas: ReadonlyMap<number, KeptSchema>,
  subjects = new Map<string, KeptSchema>(),
) {
  const state = {
    url: '',
    /** How it answers: as a registry; with a status; with no word, half an answer or one that is not one; or it ends each connection. */
    mode: 'up' as 'up' | 'silent' | 'half' | 'text' | 'endless' | 'cut' | number,
    /** The one `authorization` that it lets in. */
    authorization: null as string | null,
    requests: [] as string[],
  };
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '', state.url);
    state.requests.push(`${url.pathname}${url.search}`);
    const answer = (status: number, body: unknown) => {
      response
        .writeHead(status, { 'content-type': 'application/vnd.schemaregistry.v1+json' })
        .end(JSON.stringify(body));
    };
    if (state.mode === 'cut') return request.socket.destroy();
    if (state.mode === 'silent') return;
    if (state.mode === 'half') return response.writeHead(200).write('{"schema":');
    if (state.mode === 'text') return response.writeHead(200).end('<html>a portal</html>');
    if (state.mode === 'endless') return writeOn(response);
    if (typeof state.mode === 'number') return answer(state.mode, { error_code: state.mode, message: 'as it was set' });
    if (state.authorization !== null && request.headers.authorization !== state.authorization)
      return answer(401, { error_code: 401, message: 'Unauthorized' });
    const [, id] = /^\/schemas\/ids\/(\d+)$/.exec(url.pathname) ?? [];
    const [, subject, version] = /^\/subjects\/([^/]+)\/versions\/(\d+)$/.exec(url.pathname) ?? [];
    const found =
      id === undefined ? subjects.get(`${decodeURIComponent(subject ?? '')} ${version}`) : schemas.get(Number(id));
    if (found === undefined)
      return answer(404, { error_code: id === undefined ? 40_402 : 40_403, message: 'not found' });
    const { schema, schemaType, serialized, references } = found;
    const isSerialized = url.searchParams.get('format') === 'serialized';
    return answer(200, {
      schema: isSerialized ? (serialized ?? schema) : schema,
      ...(schemaType === undefined ? {} : { schemaType }),
      ...(references === undefined ? {} : { references }),
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  state.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return state;
}

function writeOn(response: ServerResponse): void {
  response.on('drain', () => writeOn(response));
  while (!response.destroyed && response.write(' '.repeat(65_536)));
}

/** A value in the wire format: the header, the message indexes if it is Protobuf, and the payload. */
export function framed(id: number, payload: Uint8Array, indexes?: readonly number[]): Uint8Array {
  const header = Buffer.alloc(5);
  header.writeInt32BE(id, 1);
  const path = indexes === undefined ? [] : indexes.join() === '0' ? [0] : [indexes.length, ...indexes];
  return Buffer.concat([header, Buffer.from(path.map((index) => index * 2)), payload]);
}
