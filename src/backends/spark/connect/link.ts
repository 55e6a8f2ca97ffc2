import type { Client, ClientReadableStream, Metadata, ServiceError } from '@grpc/grpc-js';
import { fail } from '../../../base/errors/fail.ts';
import { decode, encode, type Fields, type Message } from './protobuf.ts';

/** How a Connect server is reached; the token is here already, and nowhere else. */
export interface ConnectOptions {
  /** `host:port`. */
  readonly address: string;
  readonly token: string | null;
  /** PEM of the trusted authorities (without `ca`: the system's) and of the client's certificate; null: no TLS. */
  readonly tls: {
    readonly ca?: string;
    readonly cert?: string;
    readonly key?: string;
    readonly servername?: string;
  } | null;
  /** Settings of each session. Settings that answers depend on cannot be changed. */
  readonly conf: Readonly<Record<string, string>>;
}

/** How long an answer may take that nothing is computed for, ms. */
const CALL_MS = 60_000;

/** A ping after this silence, ms, detects a server that disappeared. */
const SILENCE_MS = 20_000;

/** A connection to a Connect server. */
export class ConnectLink {
  readonly address: string;
  readonly #client: Client;
  readonly #metadata: Metadata;

  private constructor(address: string, client: Client, metadata: Metadata) {
    this.address = address;
    this.#client = client;
    this.#metadata = metadata;
  }

  /** Connects with the first call. Error: SPARK_CLIENT. */
  static async open({ address, token, tls }: ConnectOptions): Promise<ConnectLink> {
    const { Client, Metadata, credentials } = await loadClient();
    const bytes = (pem: string | undefined) => (pem === undefined ? null : Buffer.from(pem));
    const wire =
      tls === null
        ? credentials.createInsecure()
        : credentials.createSsl(bytes(tls.ca), bytes(tls.key), bytes(tls.cert));
    const metadata = new Metadata();
    if (token !== null) metadata.set('authorization', `Bearer ${token}`);
    const client = new Client(address, wire, {
      'grpc.keepalive_time_ms': SILENCE_MS,
      'grpc.enable_http_proxy': 0,
      'grpc.max_receive_message_length': -1,
      ...(tls?.servername === undefined ? {} : { 'grpc.ssl_target_name_override': tls.servername }),
    });
    return new ConnectLink(address, client, metadata);
  }

  /** Asks for one answer. Throws a failed call as it is. */
  ask(method: string, request: Fields): Promise<Message> {
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        pathOf(method),
        encode,
        decode,
        request,
        this.#metadata,
        { deadline: Date.now() + CALL_MS },
        (error, answer) => (error === null && answer !== undefined ? resolve(answer) : reject(error)),
      );
    });
  }

  /** Answers until the last. Throws a failed call as it is. */
  answers(method: string, request: Fields): ClientReadableStream<Message> {
    return this.#client.makeServerStreamRequest(pathOf(method), encode, decode, request, this.#metadata);
  }

  close(): void {
    this.#client.close();
  }
}

function pathOf(method: string): string {
  return `/spark.connect.SparkConnectService/${method}`;
}

async function loadClient() {
  try {
    return await import('@grpc/grpc-js');
  } catch (error) {
    throw fail('SPARK_CLIENT', {}, error);
  }
}

/** Whether a call failed, and says why. */
export function isFailedCall(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && 'details' in error && 'metadata' in error;
}
