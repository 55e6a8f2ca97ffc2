import { StoreFaults } from '../../src/observe/store-faults.ts';
import type { WatchOptions } from '../../src/observe/watched.ts';

/** A fault below a store: the method that meets it, and how. */
export interface Injected {
  readonly store: string;
  readonly method: string;
  /** null: the method succeeds without its work. */
  readonly error: Error | null;
  /** How the store reports it. */
  readonly how: 'throws' | 'rejects' | 'streams';
}

export interface WatchedMethod {
  readonly store: string;
  readonly method: string;
  call(): unknown;
}

/** Notes faults as a running project does. Faults are injected below what it watches. */
export class InjectedFaults extends StoreFaults {
  readonly methods: WatchedMethod[] = [];
  /** Stores by name, as they were opened. */
  readonly opened = new Map<string, object>();
  injected: Injected | null = null;

  override watch<T extends object>(store: string, of: T, options: WatchOptions = {}): T {
    this.opened.set(store, of);
    const watched = super.watch(store, this.#failing(store, of), options);
    for (const method of methodsOf(watched))
      if (method !== 'close' && options.leave?.includes(method) !== true)
        this.methods.push({ store, method, call: () => callOf(watched, method) });
    return watched;
  }

  #failing<T extends object>(store: string, of: T): T {
    const members = methodsOf(of).map((method): [string, PropertyDescriptor] => {
      const value = (...values: readonly unknown[]) => {
        const { injected } = this;
        if (injected?.store !== store || injected.method !== method) return callOf(of, method, values);
        return outcome(injected);
      };
      return [method, { enumerable: true, value }];
    });
    return Object.create(of, Object.fromEntries(members));
  }
}

function outcome({ error, how }: Injected): unknown {
  if (how === 'streams')
    return (async function* () {
      yield 1;
      if (error !== null) throw error;
    })();
  if (how === 'rejects') return error === null ? Promise.resolve(null) : Promise.reject(error);
  if (error !== null) throw error;
  return null;
}

function callOf(of: object, method: string, values: readonly unknown[] = []): unknown {
  const member: unknown = Reflect.get(of, method);
  return typeof member === 'function' ? Reflect.apply(member, of, values) : undefined;
}

function methodsOf(of: object): readonly string[] {
  const names = new Set<string>();
  for (let at = of; at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at))
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(at)))
      if (name !== 'constructor' && typeof value === 'function') names.add(name);
  return [...names];
}
