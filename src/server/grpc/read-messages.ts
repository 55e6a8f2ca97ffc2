import type { ServerHttp2Stream } from 'node:http2';
import { fail } from '../../base/errors/fail.ts';
import { type DecodedCounts, decodedBytes } from '../../schema/json-bounds.ts';
import { decoded } from '../../serving/oip/content-coding.ts';
import type { GrpcServing, Incoming } from './grpc-serving.ts';
import { type GrpcMessage, MessageReader } from './message-reader.ts';
import type { PlainMessage } from './proto.ts';

/** Takes the messages of a call; `failed` is called once, as the last. */
export interface MessageTaker {
  readonly most: number;
  readonly message: (message: GrpcMessage) => void;
  readonly end: () => void;
  readonly failed: (error: unknown) => void;
}

const MS_PER_S = 1_000;

/** Reads the messages of a call; one that has begun has to be whole in time, and so has a call with one message. */
export function readMessages(
  { stream, held }: Incoming,
  { timeoutMs }: GrpcServing,
  isUnary: boolean,
  taker: MessageTaker,
): void {
  const reader = new MessageReader(taker.most, held);
  let timer: NodeJS.Timeout | null = null;
  const stop = () => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    reader.release();
    off(stream);
  };
  const give = (error: unknown) => {
    stop();
    taker.failed(error);
  };
  const watch = () => {
    if (reader.isPartial || isUnary) timer ??= setTimeout(late, timeoutMs);
    else if (timer !== null) {
      clearTimeout(timer);
      timer = null;
    }
  };
  const late = () => give(fail('SERVER_SLOW_BODY', { seconds: timeoutMs / MS_PER_S }));
  stream.on('data', (piece: Buffer) => {
    try {
      for (const message of reader.push(piece)) taker.message(message);
      watch();
    } catch (error) {
      give(error);
    }
  });
  stream.once('end', () => {
    const { isPartial } = reader;
    stop();
    if (isPartial) taker.failed(new RangeError('the last message is cut off'));
    else taker.end();
  });
  stream.once('close', stop);
  watch();
}

function off(stream: ServerHttp2Stream): void {
  stream.removeAllListeners('data');
}

/** Decodes a message, and counts the memory that it takes. Errors: SERVER_HELD, SERVER_BODY_BOUNDS, OIP_REQUEST, OIP_UNSUPPORTED; others for bytes that are no message. */
export async function decodeMessage(
  { proto }: GrpcServing,
  { headers, held }: Incoming,
  type: string,
  message: GrpcMessage,
  most: number,
): Promise<PlainMessage> {
  const { isCompressed, bytes } = message;
  const take = (more: number) => {
    held.take(more);
    message.heldBytes += more;
  };
  const counted = (counts: DecodedCounts) => take(decodedBytes(counts));
  if (!isCompressed) return proto.decode(type, bytes, { counted });
  const plain = await decoded(bytes, String(headers['grpc-encoding'] ?? ''), most);
  take(plain.bytes.length);
  return proto.decode(type, plain.bytes, { counted, mostValues: plain.mostValues });
}
