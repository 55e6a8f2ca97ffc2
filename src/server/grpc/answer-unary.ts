import { fail } from '../../base/errors/fail.ts';
import type { InferCaller } from '../../versions/request/infer-request.ts';
import { acting } from '../acting.ts';
import { LARGEST_INFER } from '../oip/infer-route.ts';
import type { GrpcCall } from './grpc-call.ts';
import type { GrpcMethod } from './grpc-methods.ts';
import type { GrpcServing, Incoming } from './grpc-serving.ts';
import { statusOf } from './grpc-status.ts';
import type { GrpcMessage } from './message-reader.ts';
import { decodeMessage, readMessages } from './read-messages.ts';

/** Largest message of a method that needs no key, bytes: it has no fields. */
const LARGEST_WITHOUT_KEY = 1_024;

export interface NamedMethod {
  readonly name: string;
  readonly method: GrpcMethod;
}

/** Answers a call with one message, whose caller has been checked, once all of it is there. */
export function answerUnary(
  serving: GrpcServing,
  { name, method }: NamedMethod,
  call: GrpcCall,
  incoming: Incoming,
  caller: InferCaller,
): void {
  const most = method.scopes === null ? LARGEST_WITHOUT_KEY : LARGEST_INFER;
  let request: GrpcMessage | null = null;
  const release = () => {
    if (request !== null) incoming.held.give(request.heldBytes);
    request = null;
  };
  const answer = async (message: GrpcMessage) => {
    const decoded = await decodeMessage(serving, incoming, `${name}Request`, message, most);
    const target = String(decoded['modelName'] ?? decoded['name'] ?? '');
    const route = { act: name, changes: method.changes };
    const acted = { directory: serving.served.directory, route, target, caller: caller.tenant };
    const fields = await acting(acted, () => method.answer(serving.served, decoded, caller));
    call.end(undefined, serving.proto.encode(`${name}Response`, fields));
  };
  const failed = (error: unknown) => {
    release();
    call.end(statusOf(error));
  };
  readMessages(incoming, serving, true, {
    most,
    message: (message) => {
      if (request === null) request = message;
      else {
        incoming.held.give(message.heldBytes);
        throw fail('OIP_UNSUPPORTED', { reason: `several messages of ${name}` });
      }
    },
    end: () => {
      if (request === null) failed(fail('OIP_REQUEST', { reason: 'the call has no message' }));
      else answer(request).then(release, failed);
    },
    failed,
  });
  // A client that leaves before its message is whole.
  call.signal.addEventListener('abort', () => !incoming.stream.readableEnded && release(), { once: true });
}
