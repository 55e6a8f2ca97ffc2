/** A page of the console with its state: `/drift`, `{ model: 'risk' }`. */
export interface ConsolePlace {
  readonly path: `/${string}`;
  readonly search?: Readonly<Record<string, string>>;
}

/**
 * The address of a page of the console of the server at `server`: `https://shop.example.com/ml/#/drift?model=risk`. The page and its state
 * are after the hash.
 */
export function consoleAddress(server: string, { path, search = {} }: ConsolePlace = { path: '/' }): string {
  const home = `${server.replace(/\/$/, '')}/`;
  const state = Object.entries(search).map(([name, value]) => `${name}=${encodeURIComponent(searchText(value))}`);
  if (path === '/' && state.length === 0) return home;
  return `${home}#${path}${state.length === 0 ? '' : `?${state.join('&')}`}`;
}

/** The page that shows the drift of a model, with one of its incidents. */
export function driftPlace(model: string, incident?: number): ConsolePlace {
  return { path: '/drift', search: { model, ...(incident === undefined ? {} : { incident: `${incident}` }) } };
}

/** The router reads a text that is JSON as its value, `1e3` as 1000: a text that this changes is written as a JSON text. */
function searchText(value: string): string {
  try {
    const read: unknown = JSON.parse(value);
    return read !== null && String(read) === value ? value : JSON.stringify(value);
  } catch {
    return value;
  }
}
