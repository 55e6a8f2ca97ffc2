/** The return type of a port method: an embedded back end answers at once, a remote one later. */
export type MaybePromise<T> = T | Promise<T>;
