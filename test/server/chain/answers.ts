/** An answer in the bytes that a connection brought. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** The answers in a stream of them, the methods of the requests that they are to known; without those that only ask to continue. */
export function answersIn(stream: Buffer, methods: readonly string[]): readonly Answer[] {
  const answers: Answer[] = [];
  let at = 0;
  while (at < stream.length) {
    const end = stream.indexOf('\r\n\r\n', at);
    const head = end < 0 ? '' : stream.toString('latin1', at, end);
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1]);
    if (head === '' || Number.isNaN(status)) throw new Error(`no answer: ${stream.toString('latin1', at, at + 300)}`);
    at = end + 4;
    if (status < 200) continue;
    // The server's answer to bytes that are no request has no date, and a body whatever the method.
    const isHead = methods[answers.length] === 'HEAD' && /\r\ndate: /i.test(head);
    const { body, next } = isHead ? { body: '', next: at } : bodyAt(stream, at, head);
    answers.push({ status, body });
    at = next;
  }
  return answers;
}

function bodyAt(stream: Buffer, from: number, head: string): { readonly body: string; readonly next: number } {
  if (!/\r\ntransfer-encoding: chunked/i.test(head)) {
    const next = from + Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
    if (next > stream.length) throw new Error(`an answer that is cut off: ${head}`);
    return { body: stream.toString('utf8', from, next), next };
  }
  let body = '';
  for (let at = from; ; ) {
    const lineEnd = stream.indexOf('\r\n', at);
    const size = Number.parseInt(stream.toString('latin1', at, lineEnd), 16);
    if (lineEnd < 0 || Number.isNaN(size)) throw new Error(`chunks that are cut off: ${head}`);
    at = lineEnd + 2 + size + 2;
    if (size === 0) return { body, next: at };
    body += stream.toString('utf8', lineEnd + 2, lineEnd + 2 + size);
  }
}
