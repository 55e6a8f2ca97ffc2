import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { HeldBytes } from '../limits/held-bytes.ts';
import type { PageRule } from '../page-rule.ts';
import type { RequestCheck } from '../request-check.ts';
import type { ServedProject } from '../served-project.ts';
import type { Proto } from './proto.ts';

/** The parts of a server that its calls are answered with. */
export interface GrpcServing {
  readonly served: ServedProject;
  readonly proto: Proto;
  readonly check: RequestCheck;
  readonly pages: PageRule;
  /** Time of a client for a whole message, ms. */
  readonly timeoutMs: number;
}

/** One call, as its connection has it. */
export interface Incoming {
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  readonly held: HeldBytes;
}
