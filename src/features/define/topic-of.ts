import type { EventSourceData } from './declaration.ts';

/** The log topic of a source. */
export function topicOf({ name, version }: Pick<EventSourceData, 'name' | 'version'>): string {
  return `${name}@${version}`;
}
