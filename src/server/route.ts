import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { z } from 'zod';
import type { ErrorCode } from '../base/errors/fail.ts';
import type { MaybePromise } from '../base/maybe-promise.ts';
import type { OpenSpan } from '../base/tracer.ts';
import type { ProjectData } from '../features/define/declaration.ts';
import type { Labs } from '../labs/labs.ts';
import type { Headrace } from '../running/headrace.ts';
import type { NameAct } from './acting.ts';
import type { JobBoard } from './jobs/job-board.ts';
import type { BytesAnswer, HotAnswer } from './lean/hot-route.ts';
import type { RequestHeld } from './limits/request-held.ts';
import type { Live } from './live/live-feed.ts';
import type { RequestCheck } from './request-check.ts';
import type { RouteAccess } from './route-access.ts';
import type { PredictingProject, ServedProject } from './served-project.ts';
import type { Group } from './workers/group.ts';

/** Kinds of routes, as the description groups them. */
export const routeTags = {
  events: 'Events in.',
  features: 'Feature vectors out.',
  predictions: 'Scores of champions.',
  inference: 'Models by the Open Inference Protocol v2.',
  'training sets': 'Feature values as of many instants.',
  models: 'Registered versions of models.',
  training: 'The speed and the cost of training jobs.',
  admin: 'Changes to a running server. Each call goes to the audit log.',
  operations: 'Health, status and metrics.',
} as const;

/** A schema of the description, with its name. */
export interface Component {
  readonly id: string;
  readonly schema: z.ZodType;
}

/**
 * Adds a schema to the components of a description; of one id the first counts. Schemas that contain it refer to it.
 */
export type Define = (id: string, schema: z.ZodType) => Component;

/** Schemas by media type; a body that is not JSON is `binary` or `text`. */
export type Contents = Readonly<Record<string, Component | 'binary' | 'text'>>;

/** The schemas of one operation. A path with a parameter has one operation for each of its values. */
export interface RouteShape {
  /** The value of the path's parameter. */
  readonly name?: string;
  /** One sentence. */
  readonly summary: string;
  readonly body?: Contents;
  /** By status: 200, and others that are not only errors. */
  readonly answers: Readonly<Record<number, Contents>>;
}

/** A request, whoever read it. */
export interface RouteRequest {
  /** The value of the path's first parameter; empty where there is none. */
  readonly name: string;
  /** Values of the path's parameters by their names. */
  readonly params: Readonly<Record<string, string>>;
  /** Id of the caller's key; empty: there is none. */
  readonly caller: string;
  readonly query: unknown;
  readonly headers: IncomingHttpHeaders;
  /** Bytes; undefined for a route that takes a stream. */
  readonly body: unknown;
  readonly stream: Readable;
  /** Counts the memory that the request takes. */
  readonly held: RequestHeld;
  /** Aborted when the client goes away before its answer. */
  readonly gone: () => AbortSignal;
  readonly trace: OpenSpan | null;
  /** Says what the call does, for the audit log. */
  readonly names: NameAct;
}

/** An answer that is no error. */
export interface RouteAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string | Buffer | Readable;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The context of routes that only read: the process may be the writer or a reader. */
export interface ReadContext {
  readonly served: ServedProject;
  /** The processes that this one answers for; null: only itself. */
  readonly group: Group | null;
  /** The OpenAPI description, as JSON. */
  readonly description: () => string;
  readonly check: RequestCheck;
  /** Whether the labs of a demo are offered. */
  readonly labs: boolean;
}

/** The context of routes that write. */
export interface WriteContext {
  readonly headrace: Headrace;
  /** Largest spine of a training set, bytes. */
  readonly spineLimit: number;
  /** The long jobs of the server. */
  readonly jobs: JobBoard;
  /** The answers that are streamed. */
  readonly live: Live;
  /** The labs of a demo; null: the server offers none. */
  readonly labs: Labs | null;
}

/** How `GET /v1/live` streams the answer of a route without parameters. */
export interface LiveReads<C> {
  /** Time between two reads while somebody watches, ms. */
  readonly everyMs: number;
  /** The answer of the route, as text. */
  readonly read: (context: C) => MaybePromise<RouteAnswer>;
}

/** Options of the hot routes. */
export interface HotOptions {
  /** A request that has waited longer than this while others were answered is rejected, ms. */
  readonly mostWaitMs?: number | undefined;
}

interface RouteBase extends RouteAccess {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** As OpenAPI writes it: `/v1/events/{source}`. A parameter is the last segment. */
  readonly path: `/${string}`;
  readonly operationId: string;
  readonly tag: keyof typeof routeTags;
  /** The name of its calls in the audit log (its operationId). */
  readonly act?: string;
  /** For the table of routes: what it takes and what it answers, as Markdown. */
  readonly page: { readonly takes: string; readonly answers: string };
  /** Parameters of the query, all optional. */
  readonly query?: z.ZodObject;
  /** Whether the body is read by the route itself, as a stream. */
  readonly takesStream?: boolean;
  /** Whether the body is bytes of any media type, or of none; of a route that takes a stream it is not read. */
  readonly takesBytes?: boolean;
  /** Largest body of this route where it is not the server's, bytes. */
  readonly bodyLimit?: number;
  /** Codes of its own; those of every route are added. */
  readonly errors: readonly ErrorCode[];
  /** Codes with which a body of the schema may still be refused with 400. */
  readonly refusals?: readonly ErrorCode[];
  readonly shapes: (project: ProjectData, define: Define) => readonly RouteShape[];
}

/** A route that every process answers itself. */
export interface ReadRoute extends RouteBase {
  readonly access: 'reads';
  /** How the lean reader answers it, by the value of the path's parameter. */
  readonly hot?: (served: ServedProject, options: HotOptions) => readonly HotAnswer[];
  /** How the lean reader answers requests with bytes to it, whatever the parameters. */
  readonly hotBytes?: (served: ServedProject) => BytesAnswer;
  readonly live?: LiveReads<ReadContext>;
  readonly run: (context: ReadContext, request: RouteRequest) => MaybePromise<RouteAnswer>;
}

/** A route that only the process that writes answers: others forward it. */
export interface WriteRoute extends RouteBase {
  readonly access: 'writes';
  readonly hot?: (headrace: Headrace, options: HotOptions) => readonly HotAnswer[];
  readonly live?: LiveReads<Omit<WriteContext, 'live'>>;
  readonly run: (context: WriteContext, request: RouteRequest) => MaybePromise<RouteAnswer>;
}

/** A route that every process with a way to the log of predictions answers itself: others forward it. */
export interface PredictRoute extends RouteBase {
  readonly access: 'predicts';
  readonly hot?: (predicting: PredictingProject, options: HotOptions) => readonly HotAnswer[];
  readonly run: (predicting: PredictingProject, request: RouteRequest) => MaybePromise<RouteAnswer>;
}

/** Everything about one route. Server, description, page, forwarding and key check are made from it. */
export type Route = ReadRoute | PredictRoute | WriteRoute;

/** Whether a process that does not write answers a route itself. */
export function isAnsweredBy({ access }: Route, { predicting }: Pick<ServedProject, 'predicting'>): boolean {
  return access === 'reads' || (access === 'predicts' && predicting !== null);
}

const JSON_TYPE = 'application/json';

/** JSON that is described by a component. */
export function json(component: Component): Contents {
  return { [JSON_TYPE]: component };
}

/** A value as an answer. */
export function jsonAnswer(value: unknown, status = 200): RouteAnswer {
  return jsonText(JSON.stringify(value), status);
}

/** JSON text as an answer. */
export function jsonText(body: string, status = 200): RouteAnswer {
  return { status, type: JSON_TYPE, body };
}

/** The path as fastify and spans write it: `/v1/events/:source`. */
export function patternOf({ path }: Pick<Route, 'path'>): string {
  return path.replaceAll('{', ':').replaceAll('}', '');
}

/** The path for one value of its parameter. */
export function pathFor({ path }: Pick<Route, 'path'>, name: string | undefined): string {
  return name === undefined ? path : `${path.slice(0, path.indexOf('{'))}${name}`;
}
