import type { NamespaceOwner } from './owner.ts';

/** Where a Redis or Valkey is and how it is reached; secrets are here already, and nowhere else. */
export interface RedisOptions {
  /** `redis://host:port` or `rediss://…` of one server, or of some nodes of a cluster. */
  readonly urls: readonly string[];
  readonly cluster: boolean;
  /** Begins every key, without ":" and "{": what keeps projects in one server apart. */
  readonly prefix: string;
  /** Names of entities of several columns that are kept in the record of their first; none where it is left out. */
  readonly nested?: readonly string[];
  /** The credentials; none without it. */
  readonly owner?: NamespaceOwner;
  readonly username?: string;
  readonly password?: string;
  /** PEM of the trusted authorities and of the client's certificate; null: no TLS unless a URL says `rediss:`. */
  readonly tls: {
    readonly ca?: string;
    readonly cert?: string;
    readonly key?: string;
    readonly servername?: string;
  } | null;
  /** A call that has no answer after this fails, ms. */
  readonly timeoutMs: number;
}
