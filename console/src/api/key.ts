/** The API key of this page. It lives in memory alone: a reload asks for it again, and no script of another page reads it. */
let key: string | null = null;

/** Uses a key from now on; null: none. */
export function setKey(text: string | null): void {
  key = text;
}

/** The header of a call. */
export function authorization(): Readonly<Record<string, string>> {
  return key === null ? {} : { authorization: `Bearer ${key}` };
}
