import createClient from 'openapi-fetch';
import type { components, paths } from '../../.generated/api.d.ts';
import { apiError } from './api-error.ts';
import { base } from './base.ts';
import { authorization } from './key.ts';

/** A schema of the description by its name. */
/** The query that a route reads, by its path. */
export type QueryOf<Path extends { [P in keyof paths]: paths[P] extends { get: object } ? P : never }[keyof paths]> =
  paths[Path] extends { get: { parameters: { query?: infer Query } } } ? NonNullable<Query> : never;

export type Schema<Name extends keyof components['schemas']> = components['schemas'][Name];

/** Calls the routes of the server, with the types of its description. */
export const client = createClient<paths>({ baseUrl: base });

client.use({
  onRequest: ({ request }) => {
    for (const [name, value] of Object.entries(authorization())) request.headers.set(name, value);
  },
});

/** What a call of the client gives. */
interface Called<T> {
  readonly data?: T;
  readonly error?: unknown;
  readonly response: Response;
}

/** The answer of a call; an error answer is thrown as an ApiError. */
export async function answer<T>(call: Promise<Called<T>>): Promise<T> {
  const { data, error, response } = await call;
  if (data === undefined) throw apiError(response.status, error);
  return data;
}
