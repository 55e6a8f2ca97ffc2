import { request } from 'node:http';
import { buffer } from 'node:stream/consumers';

export interface RawRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** Sends a request with exactly these headers, but for the host. */
export function sendRaw(url: string, { method, path, headers, body }: RawRequest): Promise<RawAnswer> {
  const { hostname, port } = new URL(url);
  const length =
    body.length > 0 && headers['content-length'] === undefined ? { 'content-length': String(body.length) } : {};
  return new Promise((resolve, reject) => {
    request(
      { hostname, port, method, path, headers: { ...headers, ...length, host: `${hostname}:${port}` } },
      (answer) => {
        const { statusCode: status = 0 } = answer;
        buffer(answer).then((bytes) => resolve({ status, headers: answer.headers, body: bytes }), reject);
      },
    )
      .on('error', reject)
      .end(body);
  });
}
