import { request as overHttp } from 'node:http';
import { request as overHttps } from 'node:https';
import { answerText } from '../../base/read-answer.ts';

/** Largest answer, bytes: a log comes whole. */
const MOST_BYTES = 256 * 2 ** 20;

export interface RayAnswer {
  readonly status: number;
  readonly text: string;
}

/**
 * Asks the dashboard of Ray. It rejects requests that look as a browser's do (405), and `fetch` sends the fields of one, which it does
 * not let go.
 */
export function askRay(method: 'GET' | 'POST', url: URL, body: unknown, timeoutMs: number): Promise<RayAnswer> {
  const text = body === undefined ? '' : JSON.stringify(body);
  const send = url.protocol === 'https:' ? overHttps : overHttp;
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
    const request = send(url, { method, headers, signal: AbortSignal.timeout(timeoutMs) }, (response) => {
      answerText(response, MOST_BYTES).then(
        (answer) => resolve({ status: response.statusCode ?? 0, text: answer }),
        reject,
      );
    });
    request.once('error', reject);
    request.end(text);
  });
}
