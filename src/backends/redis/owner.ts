import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';
import { type RedisLink, textOf } from './redis-link.ts';
import { claimOwner } from './scripts.ts';
import type { StoreKeys } from './store-keys.ts';

/** The owner of a namespace's keys: the project, and the log that they come from. */
export interface NamespaceOwner {
  readonly project: string;
  /** Identity of the environment's data; null: not known, as to one who only reads. */
  readonly data: string | null;
}

const ownerSchema = z.strictObject({ project: z.string(), data: z.string() });

/**
 * Makes a namespace the owner's, or finds that it is: positions of one log say nothing of another, and would make tiles
 * silently wrong. One who only reads takes nothing. Error: NAMESPACE_TAKEN.
 */
export async function checkOwner(
  link: RedisLink,
  keys: StoreKeys,
  { namespace, owner: { project, data } }: { readonly namespace: string; readonly owner: NamespaceOwner },
): Promise<void> {
  const text = data === null ? '' : JSON.stringify({ project, data });
  const held = textOf(await link.within(link.eval(claimOwner, [keys.owner], [text])));
  if (held === '') return;
  const parsed = ownerSchema.safeParse(parseJson(held));
  const holder = parsed.success ? parsed.data : { project: held, data: '' };
  if (holder.project === project && (data === null || holder.data === data)) return;
  const other = holder.project === project ? `another environment of ${project}` : `project ${holder.project}`;
  throw fail('NAMESPACE_TAKEN', { namespace, address: link.address, other });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
