import type { Names } from '../../trace/names.ts';
import { hostKinds } from '../../trace/trace.ts';

/** The use of events of a category. */
export const roles = {
  skip: 0,
  kernel: 1,
  memcpy: 2,
  memset: 3,
  op: 4,
  python: 5,
  annotation: 6,
  runtime: 7,
  driver: 8,
  overhead: 9,
  foreign: 10,
  sync: 11,
  counters: 12,
} as const;

/** Categories of all ages of the format. */
const roleOf: Readonly<Record<string, number>> = {
  kernel: roles.kernel,
  Kernel: roles.kernel,
  gpu_memcpy: roles.memcpy,
  Memcpy: roles.memcpy,
  gpu_memset: roles.memset,
  Memset: roles.memset,
  cpu_op: roles.op,
  Operator: roles.op,
  python_function: roles.python,
  '': roles.python,
  user_annotation: roles.annotation,
  cuda_runtime: roles.runtime,
  Runtime: roles.runtime,
  cuda_driver: roles.driver,
  overhead: roles.overhead,
  gpu_user_annotation: roles.skip,
  cuda_sync: roles.sync,
  cuda_profiler_range: roles.counters,
  cpu_instant_event: roles.skip,
  mtia_runtime: roles.skip,
  fwdbwd: roles.skip,
  ac2g: roles.skip,
  Trace: roles.skip,
};

/** The arguments to read of an event: none, all known ones, those that link a call, or the inputs of an operator. */
export const wants = { nothing: 0, all: 1, link: 2, inputs: 3 } as const;

export const wantedOf = new Uint8Array(13);
for (const role of [roles.kernel, roles.memcpy, roles.memset, roles.sync]) wantedOf[role] = wants.all;
for (const role of [roles.runtime, roles.driver]) wantedOf[role] = wants.link;
wantedOf[roles.op] = wants.inputs;

export const nameFlags = { seen: 1, step: 2, memory: 4, values: 8 } as const;

/** Operators whose work depends on arguments that are no tensors: strides and padding, whether attention is causal. */
const valuesOf = /conv|attention|attn/i;

/** The kind of a host event by its role. */
export const hostKindOf = new Uint8Array(11);
hostKindOf[roles.op] = hostKinds.op;
hostKindOf[roles.python] = hostKinds.python;
hostKindOf[roles.annotation] = hostKinds.annotation;
hostKindOf[roles.runtime] = hostKinds.runtime;
hostKindOf[roles.driver] = hostKinds.driver;

/** The role of each category, by the number of its name. */
export class CategoryRoles {
  readonly #names: Names;
  #roles = new Int8Array(1 << 8).fill(-1);

  constructor(names: Names) {
    this.#names = names;
  }

  of(category: number): number {
    if (category >= this.#roles.length) {
      if (category > 1 << 22) return roles.foreign;
      const grown = new Int8Array(Math.max(this.#roles.length * 2, category + 1)).fill(-1);
      grown.set(this.#roles);
      this.#roles = grown;
    }
    const known = this.#roles[category];
    if (known >= 0) return known;
    const text = this.#names.text(category);
    const role = Object.hasOwn(roleOf, text) ? roleOf[text] : text.startsWith('async') ? roles.skip : roles.foreign;
    this.#roles[category] = role;
    return role;
  }
}

/** The flags of each name, by its number. */
export class NameFlags {
  readonly #names: Names;
  #flags = new Uint8Array(1 << 12);

  constructor(names: Names) {
    this.#names = names;
  }

  of(name: number): number {
    if (name >= this.#flags.length) {
      const grown = new Uint8Array(Math.max(this.#flags.length * 2, name + 1));
      grown.set(this.#flags);
      this.#flags = grown;
    }
    const known = this.#flags[name];
    if (known !== 0) return known;
    const text = this.#names.text(name);
    let flags: number = nameFlags.seen;
    if (/^ProfilerStep#\d+$/.test(text)) flags |= nameFlags.step;
    if (text === '[memory]') flags |= nameFlags.memory;
    if (valuesOf.test(text)) flags |= nameFlags.values;
    this.#flags[name] = flags;
    return flags;
  }
}
