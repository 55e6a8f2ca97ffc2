import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A span as OTLP/HTTP JSON has it, with its attributes as an object. */
export interface CollectedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status: { readonly code?: number; readonly message?: string };
  readonly attributes: Readonly<Record<string, unknown>>;
}

export interface Collector {
  /** Base URL. */
  readonly url: string;
  readonly spans: readonly CollectedSpan[];
  /** Attributes of the last resource. */
  readonly resource: Readonly<Record<string, unknown>>;
  /** What it answers from now on. */
  status: number;
  close(): Promise<void>;
}

interface KeyValue {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

/** Stands in for an OpenTelemetry collector: takes OTLP/HTTP JSON on `/v1/traces` and keeps the spans. */
export async function startCollector(): Promise<Collector> {
  const spans: CollectedSpan[] = [];
  const state = { status: 200, resource: {} };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (request.url === '/v1/traces' && state.status === 200) {
        const body = JSON.parse(Buffer.concat(chunks).toString('utf8'));
        for (const { resource, scopeSpans } of body.resourceSpans) {
          state.resource = attributesOf(resource.attributes);
          for (const scope of scopeSpans)
            for (const span of scope.spans) spans.push({ ...span, attributes: attributesOf(span.attributes) });
        }
      }
      response.writeHead(state.status, { 'content-type': 'application/json' }).end('{}');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    spans,
    get resource() {
      return state.resource;
    },
    set status(status: number) {
      state.status = status;
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function attributesOf(list: readonly KeyValue[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(list.map(({ key, value }) => [key, Object.values(value)[0]]));
}
