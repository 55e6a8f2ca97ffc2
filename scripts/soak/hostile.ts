import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';

/** Bodies that cost little to send and much to read. */
const BODIES: readonly (readonly [type: string, coding: string | null, body: Buffer])[] = [
  ['application/json', null, Buffer.from('['.repeat(60_000))],
  ['application/json', null, Buffer.from(`[${'0,'.repeat(30_000)}0]`)],
  ['application/json', null, Buffer.from(`[${'{},'.repeat(20_000)}{}]`)],
  ['application/json', 'gzip', gzipSync(Buffer.alloc(40_000_000, '['))],
  ['application/json', 'gzip', gzipSync(Buffer.from(`[${'{},'.repeat(3_000_000)}{}]`))],
  ['text/csv', null, Buffer.from(`${'a,'.repeat(30_000)}a\n`)],
  ['application/octet-stream', null, Buffer.alloc(60_000, 0xff)],
];

const PATHS = ['/v1/events/clicks', '/v1/features/recommendation', '/v2/models/none/infer', '/v1/nothing'];

/** Most clients that hold a connection and send a byte now and then. */
const SLOW = 200;

/** Clients that mean harm: they send what is dear to read, hold connections, and leave without an answer. */
export class Hostile {
  readonly #port: number;
  readonly #slow = new Set<ReturnType<typeof connect>>();
  /** What they were answered, by status; 0: nothing. */
  readonly answers: Record<string, number> = {};
  /** Answers of 500: a fault that nobody expected. */
  readonly wrong: string[] = [];
  #isOver = false;

  constructor(port: number) {
    this.#port = port;
  }

  /** Attacks until `end`. */
  async run(): Promise<void> {
    for (let i = 0; !this.#isOver; i += 1) {
      const [type, coding, body] = BODIES[i % BODIES.length] ?? BODIES[0];
      await this.#send(PATHS[Math.floor(i / BODIES.length) % PATHS.length] ?? '/', type, coding, body);
      this.#trickle();
      await sleep(100);
    }
    for (const socket of this.#slow) socket.destroy();
  }

  end(): void {
    this.#isOver = true;
  }

  async #send(path: string, type: string, coding: string | null, body: Buffer): Promise<void> {
    const headers = { 'content-type': type, ...(coding === null ? {} : { 'content-encoding': coding }) };
    const url = `http://127.0.0.1:${this.#port}${path}`;
    const signal = AbortSignal.timeout(30_000);
    const answer = await fetch(url, { method: 'POST', headers, body: new Uint8Array(body), signal }).catch(() => null);
    const status = answer?.status ?? 0;
    this.answers[status] = (this.answers[status] ?? 0) + 1;
    const text = await answer?.text().catch(() => '');
    if (status === 500) this.wrong.push(`${path} ${type}: ${text?.slice(0, 200)}`);
  }

  /** One more client that begins a body and leaves it open; the oldest one leaves. */
  #trickle(): void {
    const socket = connect(this.#port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.on('close', () => this.#slow.delete(socket));
    socket.write(
      'POST /v1/events/clicks HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 90000\r\n\r\n[',
    );
    this.#slow.add(socket);
    for (const one of this.#slow) one.write(' ');
    if (this.#slow.size > SLOW) [...this.#slow][0]?.destroy();
  }
}
