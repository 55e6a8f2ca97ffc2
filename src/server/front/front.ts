import type { AddressInfo } from 'node:net';
import { type MessagePort, Worker } from 'node:worker_threads';
import type { Certificate } from '../certificate.ts';
import type { HostList } from '../host-list.ts';
import type { HotAnswers } from '../lean/hot-answer.ts';
import type { LeanResponse } from '../lean/response.ts';
import { type AnswerList, addAnswer, type FromFront, forRequests, type RequestList, type ToFront } from './messages.ts';

export interface FrontOptions {
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
  /** Paths of the hot routes. */
  readonly paths: ReadonlySet<string>;
  /** Whether requests that run models are read there. */
  readonly runsModels: boolean;
  /** Largest body read there, bytes. */
  readonly bodyLimit: number;
  /** Its TLS options: the full server does not know of them. */
  readonly tls: Certificate | null;
  /** The hosts that requests may name. */
  readonly hosts: HostList;
}

/** The new objects of the thread live for a turn or two of its loop. */
const YOUNG_MB = 16;

/** The thread that has the connections, as the thread of the project has it. */
export class Front {
  readonly address: AddressInfo;
  readonly #worker: Worker;
  readonly #answers: HotAnswers;
  /** Of requests that wait, by their numbers: aborted when the client goes away. */
  readonly #waiting = new Map<number, AbortController>();
  readonly #ended: Promise<void>;
  /** Requests that came since the last turn. */
  #arrived: RequestList[] = [];
  /** Answers that came later than the turn of their requests. */
  #late: AnswerList = [];

  private constructor(
    worker: Worker,
    address: AddressInfo,
    answers: HotAnswers,
    handedOver: (port: MessagePort) => void,
  ) {
    this.address = address;
    this.#worker = worker;
    this.#answers = answers;
    this.#ended = new Promise((resolve) => worker.once('exit', () => resolve()));
    worker.on('message', (message: FromFront) => {
      if (Array.isArray(message)) this.#arrive(message);
      else if (message.kind === 'handedOver') handedOver(message.port);
      else if (message.kind === 'gone') this.#leave(message.number);
    });
    // Nobody would be answered any more: a fault of the thread is one of the process.
    worker.on('error', (error) => {
      throw error;
    });
  }

  /** Starts the thread; fails where it cannot listen. `handedOver` gets the connections that are the full server's. */
  static async open(
    options: Omit<FrontOptions, 'paths' | 'runsModels'>,
    answers: HotAnswers,
    handedOver: (port: MessagePort) => void,
  ): Promise<Front> {
    const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
    const worker = new Worker(new URL(`./front-worker${ending}`, import.meta.url), {
      workerData: { ...options, paths: answers.paths, runsModels: answers.runsModels } satisfies FrontOptions,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    });
    const address = await new Promise<AddressInfo>((resolve, reject) => {
      worker.once('error', reject);
      worker.once('message', (message: FromFront) => {
        if ('address' in message) resolve(message.address);
        else if ('reason' in message) void worker.terminate().then(() => reject(new Error(message.reason)));
      });
    });
    worker.removeAllListeners('error');
    return new Front(worker, address, answers, handedOver);
  }

  /** Takes no more connections, lets the answers that are under way out, and is over with the last connection. */
  close(): Promise<void> {
    this.#tell(null);
    return this.#ended;
  }

  /** Breaks off what is still open. */
  async destroy(): Promise<void> {
    await this.#worker.terminate();
  }

  /** A MessagePort keeps delivering while it is drained. Answering inside that callback starves the event loop. Hot path. */
  #arrive(requests: RequestList): void {
    if (this.#arrived.length === 0) setImmediate(this.#takeArrived);
    this.#arrived.push(requests);
  }

  readonly #takeArrived = (): void => {
    const arrived = this.#arrived;
    this.#arrived = [];
    for (const requests of arrived) this.#take(requests);
  };

  /** Hot path. */
  #take(requests: RequestList): void {
    const ready: AnswerList = [];
    forRequests(requests, (number, head, body) => {
      const gone = new AbortController();
      const answer =
        typeof body === 'string' ? this.#answers.answer(head, body, gone) : this.#answers.answerBytes(head, body, gone);
      if (answer instanceof Promise) this.#await(number, answer, gone);
      else addAnswer(ready, number, answer);
    });
    if (ready.length > 0) this.#tell(ready);
  }

  #await(number: number, answer: Promise<LeanResponse>, gone: AbortController): void {
    this.#waiting.set(number, gone);
    void answer.then((response) => {
      this.#waiting.delete(number);
      this.#tellLater(number, response);
    });
  }

  /** After the requests that came before: they are taken in a later turn. */
  #leave(number: number): void {
    setImmediate(() => this.#waiting.get(number)?.abort());
  }

  #tellLater(number: number, response: LeanResponse): void {
    if (this.#late.length === 0) setImmediate(this.#tellLate);
    addAnswer(this.#late, number, response);
  }

  readonly #tellLate = (): void => {
    this.#tell(this.#late);
    this.#late = [];
  };

  #tell(message: ToFront): void {
    this.#worker.postMessage(message);
  }
}
