import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom } from '../../../src/base/rng.ts';
import { openHeadrace } from '../../../src/running/headrace.ts';
import { startReadServer, startServer } from '../../../src/server/http-server.ts';
import { project } from '../shop.ts';
import { answersIn } from './answers.ts';
import { type Conversation, conversation } from './conversation.ts';
import { type ReadRequest, Reference } from './reference.ts';

/** The servers of `serve --workers`: one that reads and hands everything else over a socket to the one that writes. */
export interface Chain {
  readonly port: number;
  close(): Promise<void>;
}

/** Starts a chain; `sharesPort` as processes of a group do, else a thread has the connections. */
export async function openChain(sharesPort: boolean): Promise<Chain> {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-chain-'));
  const headrace = await openHeadrace({ project, environment: { directory, partitions: 1 } });
  const writer = join(directory, 'writer.sock');
  const options = { host: '127.0.0.1', port: 0, bodyLimit: 20_000 };
  const writing = await startServer(headrace, { ...options, socketPath: writer });
  const reading = await startReadServer(headrace, { ...options, writer, sharesPort });
  return {
    port: Number(new URL(reading.url).port),
    async close() {
      await reading.close();
      await writing.close();
      await headrace.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export interface Tally {
  conversations: number;
  answers: number;
  /** Answers that say the mark of their request. */
  owned: number;
  /** Answers that say no mark: refusals by code, answers to HEAD. */
  refusals: number;
}

const AT_ONCE = 12;

/** Holds this many conversations, many at once, against node:http. Throws for the first answer that is not its request's. */
export async function holdAgainstNode(port: number, { from = 0, count = 0, seed = 1 }): Promise<Tally> {
  const reference = new Reference();
  const tally: Tally = { conversations: 0, answers: 0, owned: 0, refusals: 0 };
  let next = from;
  const one = async (): Promise<void> => {
    while (next < from + count) {
      const number = next;
      next += 1;
      const held = conversation(number, seededRandom(seed * 2 ** 32 + number));
      const [read, stream] = await Promise.all([reference.read(held.pieces), converse(port, held.pieces)]);
      try {
        judge(held, read, stream, tally);
      } catch (error) {
        const sent = JSON.stringify(held.pieces.map((piece) => piece.toString('latin1')));
        const came = JSON.stringify(stream.toString('latin1'));
        throw new Error(
          `conversation ${number} of seed ${seed}\nsent ${sent}\ncame ${came}\nread ${JSON.stringify(read)}`,
          {
            cause: error,
          },
        );
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
  return tally;
}

function judge({ isHonest }: Conversation, read: readonly ReadRequest[], stream: Buffer, tally: Tally): void {
  const methods = read.map(({ method }) => method);
  const answers = answersIn(stream, methods);
  tally.conversations += 1;
  tally.answers += answers.length;
  if (isHonest && answers.length !== read.length) throw new Error(`${read.length} requests, ${answers.length} answers`);
  // The one above is that of the server to bytes that are no request.
  if (answers.length > read.length + 1) throw new Error(`${read.length} requests, ${answers.length} answers`);
  answers.forEach(({ status, body }, i) => {
    const request = read[i];
    if (request === undefined && status < 400) throw new Error(`an answer ${status} to no request`);
    const marks = body.match(/m\d+x\dy|"price":"\d+\.00"/g) ?? [];
    const foreign = marks.find((mark) => mark !== request?.mark && request?.host.includes(mark) !== true);
    if (foreign !== undefined) throw new Error(`answer ${i} is of ${foreign}, its request is ${request?.mark}`);
    if (marks.length > 0) tally.owned += 1;
    else if (status >= 400 || status === 204) tally.refusals += 1;
    else throw new Error(`answer ${i} (${status}) says nothing of ${request?.mark}`);
    if (isHonest && marks.length === 0) throw new Error(`answer ${i} to an honest request is ${status} ${body}`);
  });
}

/** Sends pieces, closes its side, and gives all that comes back. */
export async function converse(port: number, pieces: readonly Buffer[]): Promise<Buffer> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
  const chunks: Buffer[] = [];
  const over = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('error', () => undefined);
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.on('end', () => socket.end());
  for (const piece of pieces.slice(0, -1)) {
    socket.write(piece);
    await new Promise((resolve) => setImmediate(resolve));
  }
  socket.end(pieces.at(-1) ?? '');
  await over;
  return Buffer.concat(chunks);
}
