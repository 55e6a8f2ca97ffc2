import type { InferCaller } from '../../versions/request/infer-request.ts';
import { oipText } from '../../versions/request/refuse.ts';
import { LARGEST_INFER } from '../oip/infer-route.ts';
import type { GrpcCall } from './grpc-call.ts';
import { streamMessage } from './grpc-methods.ts';
import type { GrpcServing, Incoming } from './grpc-serving.ts';
import { statusOf } from './grpc-status.ts';
import type { GrpcMessage } from './message-reader.ts';
import type { PlainMessage } from './proto.ts';
import { decodeMessage, readMessages } from './read-messages.ts';

/** Requests of a stream that are open at one time: further ones are not read until some are answered. */
const MOST_OPEN = 1_024;

/** Answers each request of a stream, in one piece or several; those of one sequence run in order. */
export function answerStream(serving: GrpcServing, call: GrpcCall, incoming: Incoming, caller: InferCaller): void {
  const { stream, held } = incoming;
  let open = 0;
  let ended = false;
  /** Messages are taken in their order, also where some are decompressed. */
  let last: Promise<unknown> | null = null;
  const endIfDone = () => {
    if (ended && open === 0) call.end();
  };
  const failed = (error: unknown) => call.end(statusOf(error));
  const answered = (message: GrpcMessage) => {
    open -= 1;
    held.give(message.heldBytes);
    if (open < MOST_OPEN && stream.isPaused()) stream.resume();
    endIfDone();
  };
  const take = async (message: GrpcMessage) => {
    const decoded = await decodeMessage(serving, incoming, 'ModelInferRequest', message, LARGEST_INFER);
    void answerPieces(serving, call, decoded, caller).finally(() => answered(message));
  };
  readMessages(incoming, serving, false, {
    most: LARGEST_INFER,
    message: (message) => {
      open += 1;
      if (open >= MOST_OPEN) stream.pause();
      const taken = (last ?? Promise.resolve()).then(() => take(message));
      last = taken.catch((error) => {
        failed(error);
        answered(message);
      });
    },
    end: () => {
      ended = true;
      endIfDone();
    },
    failed,
  });
}

/** Writes the pieces of an answer; a request that fails has its error in their place, and the stream continues. */
async function answerPieces(
  { served, proto }: GrpcServing,
  call: GrpcCall,
  message: PlainMessage,
  caller: InferCaller,
): Promise<void> {
  const write = (fields: object) => call.write(proto.encode('ModelStreamInferResponse', fields));
  try {
    for await (const fields of streamMessage(served, message, caller)) {
      if (call.isOver) return;
      if (!write({ inferResponse: fields })) await call.drained();
    }
  } catch (error) {
    if (!call.isOver) write({ errorMessage: oipText(error), inferResponse: { id: String(message['id']) } });
  }
}
