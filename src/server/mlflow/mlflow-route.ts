import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Scope } from '../../operating/scopes.ts';
import type { ArtifactStore } from '../../ports/artifact-store.ts';
import type { ModelRegistry } from '../../ports/model-registry.ts';
import type { Webhook, WebhookEvent } from '../../ports/webhook-store.ts';
import type { DeliveryAnswer } from '../../registry/webhooks/deliver.ts';
import type { NameAct } from '../acting.ts';
import type { RouteAccess } from '../route-access.ts';
import type { Message } from './message.ts';

/** Everything that routes work with. */
export interface MlflowContext {
  readonly registry: ModelRegistry;
  readonly artifacts: ArtifactStore;
  /** Sends a made-up event to a webhook, once. */
  readonly testWebhook: (webhook: Webhook, event: WebhookEvent) => Promise<DeliveryAnswer>;
  /** Error: REGISTRY_WEBHOOK. */
  readonly checkWebhook: (url: string) => void;
  /** Epoch ms. */
  readonly clock: () => number;
  /** Random bytes as hexadecimal digits. */
  readonly randomHex: (bytes: number) => string;
  /** Refuses a version that the project's model of this name cannot serve; null: any version may have any alias. */
  readonly checkPromotion: ((model: string, version: number) => Promise<void>) | null;
}

/** One request of a route that takes and answers JSON. */
export interface MlflowRequest {
  readonly message: Message;
  /** Values of the path's parameters, decoded. */
  readonly params: readonly string[];
  /** The caller, for histories. */
  readonly who: string;
  /** Refuses a caller without one of the route's further scopes. Error: AUTH_SCOPE. */
  readonly needs: (scope: Scope) => void;
  /** Says what the call does, for the audit log. */
  readonly names: NameAct;
}

interface RouteBase extends RouteAccess {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below `/api/2.0`; `{x}` is one segment, `{x+}` the rest. */
  readonly path: `/${string}`;
}

/** A route that takes and answers JSON. */
export interface JsonRoute extends RouteBase {
  readonly kind: 'json';
  readonly run: (context: MlflowContext, request: MlflowRequest) => Promise<unknown>;
}

/** A request whose bytes the route reads and answers itself. */
export interface StreamRequest {
  readonly params: readonly string[];
  readonly query: URLSearchParams;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** `http://host:port` as the client named it. */
  readonly origin: string;
}

/** A route of artefacts: bodies of any size. */
export interface StreamRoute extends RouteBase {
  readonly kind: 'stream';
  readonly run: (context: MlflowContext, request: StreamRequest) => Promise<void>;
}

export type MlflowRoute = JsonRoute | StreamRoute;

/** A JSON route. */
export function route(
  method: JsonRoute['method'],
  path: JsonRoute['path'],
  access: RouteAccess,
  run: JsonRoute['run'],
): JsonRoute {
  return { kind: 'json', method, path, ...access, run };
}

/** A route of artefacts. */
export function streamRoute(
  method: StreamRoute['method'],
  path: StreamRoute['path'],
  access: RouteAccess,
  run: StreamRoute['run'],
): StreamRoute {
  return { kind: 'stream', method, path, ...access, run };
}
