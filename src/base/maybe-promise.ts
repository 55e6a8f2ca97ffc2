/** What a port returns where an embedded back end answers at once and a remote one later. */
export type MaybePromise<T> = T | Promise<T>;
