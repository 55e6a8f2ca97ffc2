import type { FastifyInstance, FastifyRequest } from 'fastify';
import { parseTraceparent } from '../base/trace.ts';
import type { OpenSpan, Tracer } from '../base/tracer.ts';

/** The span of a request to a route, as a part of the caller's trace where it names one; null: not of the sample. */
export function requestSpan(
  tracer: Tracer,
  method: string,
  route: string,
  path: string,
  traceparent: string | null,
): OpenSpan | null {
  const parent = traceparent === null ? null : parseTraceparent(traceparent);
  const span = tracer.begin(`${method} ${route}`, 'server', parent);
  return span?.set({ 'http.request.method': method, 'http.route': route, 'url.path': path }) ?? null;
}

/** Ends the span of a request by how it was answered; only a fault of the server is one of its span. */
export function endRequest(span: OpenSpan, status: number, error?: unknown): void {
  span.set({ 'http.response.status_code': status }).end(status >= 500 ? (error ?? new Error('no answer')) : undefined);
}

const spans = new WeakMap<FastifyRequest, OpenSpan>();

/** The span of a request that is being answered; null where it is not traced. */
export function spanOf(request: FastifyRequest): OpenSpan | null {
  return spans.get(request) ?? null;
}

/** Traces the requests that the full server answers, but for those that only look after it. */
export function traceRequests(server: FastifyInstance, tracer: Tracer): void {
  server.addHook('onRequest', async (request) => {
    const route = request.routeOptions.url ?? '';
    if (!route.startsWith('/v1/')) return;
    const { traceparent } = request.headers;
    const header = typeof traceparent === 'string' ? traceparent : null;
    const [path = ''] = request.url.split('?');
    const span = requestSpan(tracer, request.method, route, path, header);
    if (span !== null) spans.set(request, span);
  });
  server.addHook('onError', async (request, _, error) => {
    spanOf(request)?.set({ 'error.type': error.code ?? error.name });
  });
  server.addHook('onResponse', async (request, reply) => {
    const span = spanOf(request);
    if (span !== null) endRequest(span, reply.statusCode);
  });
}
