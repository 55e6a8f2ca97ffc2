/** Which methods of a store are watched, and how. */
export interface WatchOptions {
  /** Methods that are called as they are: hot paths, and those that have another report. */
  readonly leave?: readonly string[];
  /** Methods whose result has methods of the store too: these count under their own names. */
  readonly handles?: readonly string[];
}

/** Receives the outcome of each call of a watched method. */
export interface Watcher {
  succeeded(method: string): void;
  failed(method: string, error: unknown): void;
}

/** No value of the caller runs. */
const NONE: Set<unknown> = new Set();

type Method = (...values: readonly unknown[]) => unknown;

/**
 * The same object; the watcher receives the outcome of every call. Calls of the object to itself count as part of the call from outside.
 * Methods that are left alone are bound once, at no cost for a call. Errors of functions and streams that a caller passes are the caller's.
 */
export function watched<T extends object>(of: T, options: WatchOptions, watcher: Watcher): T {
  const members: PropertyDescriptorMap = {};
  for (const [name, { value }] of membersOf(of)) {
    if (typeof value !== 'function') members[name] = { enumerable: true, get: () => Reflect.get(of, name, of) };
    else if (name === 'close' || options.leave?.includes(name) === true)
      members[name] = { enumerable: true, writable: true, value: value.bind(of) };
    else members[name] = { enumerable: true, writable: true, value: watchedMethod(of, name, value, options, watcher) };
  }
  return Object.create(Object.getPrototypeOf(of), members);
}

/** Every member by name, of the object and of its classes. */
function membersOf(of: object): ReadonlyMap<string, PropertyDescriptor> {
  const members = new Map<string, PropertyDescriptor>();
  for (let at = of; at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at))
    for (const [name, member] of Object.entries(Object.getOwnPropertyDescriptors(at)))
      if (name !== 'constructor' && !members.has(name)) members.set(name, member);
  return members;
}

function watchedMethod(of: object, name: string, method: Method, options: WatchOptions, watcher: Watcher): Method {
  const isHandle = options.handles?.includes(name) === true;
  const succeeded = (value: unknown): unknown => {
    watcher.succeeded(name);
    return isHandle && isObject(value) ? watched(value, options, watcher) : value;
  };
  return (...values) => {
    const foreign = values.some(isOfCaller) ? new Set<unknown>() : NONE;
    const failed = (error: unknown): never => {
      if (!isForeign(error, foreign)) watcher.failed(name, error);
      throw error;
    };
    const answered = (answer: unknown): unknown =>
      isStream(answer) ? streamed(answer, failed, () => watcher.succeeded(name)) : succeeded(answer);
    let answer: unknown;
    try {
      answer = Reflect.apply(method, of, foreign === NONE ? values : values.map((value) => ofCaller(value, foreign)));
    } catch (error) {
      return failed(error);
    }
    return answer instanceof Promise ? answer.then(answered, failed) : answered(answer);
  };
}

/** The value of a caller; its errors are added to `foreign`. */
function ofCaller(value: unknown, foreign: Set<unknown>): unknown {
  const note = (error: unknown): never => {
    foreign.add(error);
    throw error;
  };
  if (isStream(value)) return streamed(value, note);
  if (typeof value !== 'function') return value;
  return (...values: readonly unknown[]) => {
    try {
      const answer: unknown = value(...values);
      return answer instanceof Promise ? answer.catch(note) : answer;
    } catch (error) {
      return note(error);
    }
  };
}

/** The values of a stream; `failed` receives its error, `ended` is called at its end, also where the reader chose it. */
async function* streamed(
  values: AsyncIterable<unknown>,
  failed: (error: unknown) => never,
  ended: () => void = () => undefined,
): AsyncGenerator<unknown, void> {
  let isBroken = false;
  try {
    for await (const value of values) yield value;
  } catch (error) {
    isBroken = true;
    failed(error);
  } finally {
    if (!isBroken) ended();
  }
}

/** Whether a value runs while the method does. */
function isOfCaller(value: unknown): boolean {
  return typeof value === 'function' || isStream(value);
}

/** Whether an error comes from one of the caller, by itself or as its cause. */
function isForeign(error: unknown, foreign: ReadonlySet<unknown>): boolean {
  if (foreign.size === 0) return false;
  for (let at = error; at instanceof Error; at = at.cause) if (foreign.has(at)) return true;
  return foreign.has(error);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function isStream(value: unknown): value is AsyncIterable<unknown> {
  return isObject(value) && Symbol.asyncIterator in value;
}
