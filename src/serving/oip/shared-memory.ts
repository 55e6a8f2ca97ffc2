import { closeSync, constants, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import type { Parameters, SharedPlace } from '../../versions/request/infer-request.ts';
import { refuse } from '../../versions/request/refuse.ts';

/** Where Linux keeps objects of POSIX shared memory. */
const FOLDER = '/dev/shm';

/** Regions that may be registered at once: each holds a descriptor. */
const MOST_REGIONS = 1_024;

/** The largest tensor that is read, bytes. */
const LARGEST_TENSOR = 2 ** 30;

/** A part of a shared memory object that a client has registered. */
export interface Region {
  readonly name: string;
  /** Of the object, as the client wrote it: `/input_simple`. */
  readonly key: string;
  /** Where the region begins in the object, bytes. */
  readonly offset: number;
  readonly byteSize: number;
}

interface OpenRegion extends Region {
  readonly descriptor: number;
}

/**
 * Regions of shared memory that clients on this machine have registered, for tensors that are not in a request's body.
 * Objects are opened by their names alone: no name leads out of the folder of shared memory.
 */
export class SharedMemory {
  readonly #folder: string;
  readonly #regions = new Map<string, OpenRegion>();

  constructor(folder = FOLDER) {
    this.#folder = folder;
  }

  /** Registered regions in the order of their names; with a name that one. Error: OIP_REQUEST. */
  status(name = ''): readonly Region[] {
    if (name !== '') return [plain(this.#region(name))];
    return [...this.#regions.values()].map(plain).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Registers a region. Error: OIP_REQUEST, for a name that is in use, and an object that is absent or too small. */
  register({ name, key, offset, byteSize }: Region): void {
    if (name === '') throw refuse('a shared memory region needs a name');
    if (this.#regions.has(name)) throw refuse(`shared memory region '${name}' already in manager`);
    if (this.#regions.size >= MOST_REGIONS) throw refuse(`there are ${MOST_REGIONS} shared memory regions already`);
    for (const size of [offset, byteSize])
      if (!Number.isSafeInteger(size) || size < 0)
        throw refuse(`shared memory region '${name}' has no offset and byte_size`);
    const descriptor = this.#open(name, key);
    const { size } = fstatSync(descriptor);
    if (offset + byteSize > size) {
      closeSync(descriptor);
      throw refuse(
        `failed to register shared memory region '${name}': invalid args: it ends at byte ${offset + byteSize} of an object of ${size} bytes`,
      );
    }
    this.#regions.set(name, { name, key, offset, byteSize, descriptor });
  }

  /** Forgets a region, or all with an empty name. One that is not registered is ignored. */
  unregister(name = ''): void {
    for (const region of name === '' ? [...this.#regions.values()] : [this.#regions.get(name)]) {
      if (region === undefined) continue;
      this.#regions.delete(region.name);
      closeSync(region.descriptor);
    }
  }

  /** A copy of the bytes of a tensor. Error: OIP_REQUEST. */
  read(place: SharedPlace): Uint8Array {
    const { descriptor, offset } = this.#placed(place);
    if (place.byteSize > LARGEST_TENSOR)
      throw refuse(`a tensor in shared memory has more than ${LARGEST_TENSOR} bytes`);
    const bytes = Buffer.allocUnsafe(place.byteSize);
    for (let at = 0; at < bytes.length; ) {
      const count = readSync(descriptor, bytes, at, bytes.length - at, offset + place.offset + at);
      if (count === 0) throw refuse(`the object of shared memory region '${place.region}' has become shorter`);
      at += count;
    }
    return bytes;
  }

  /** Writes the bytes of output `output` to its place. Error: OIP_REQUEST, where they do not fit. */
  write(place: SharedPlace, bytes: Uint8Array, output: string): void {
    if (bytes.length > place.byteSize)
      throw refuse(
        `shared memory size specified with the request for output '${output}' (${place.byteSize} bytes) should be at least ${bytes.length} bytes to hold the results`,
      );
    const { descriptor, offset } = this.#placed(place);
    for (let at = 0; at < bytes.length; )
      at += writeSync(descriptor, bytes, at, bytes.length - at, offset + place.offset + at);
  }

  #placed({ region, offset, byteSize }: SharedPlace): OpenRegion {
    const open = this.#region(region);
    if (offset + byteSize <= open.byteSize) return open;
    throw refuse(`Invalid offset + byte size for shared memory region: '${region}'`);
  }

  #region(name: string): OpenRegion {
    const open = this.#regions.get(name);
    if (open === undefined) throw refuse(`Unable to find shared memory region: '${name}'`);
    return open;
  }

  #open(name: string, key: string): number {
    const file = /^\/?([A-Za-z0-9_][A-Za-z0-9._-]{0,254})$/.exec(key)?.[1];
    if (file === undefined)
      throw refuse(`Unable to open shared memory region: '${name}': '${key.slice(0, 80)}' is no key`);
    try {
      const flags = constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK;
      const descriptor = openSync(join(this.#folder, file), flags);
      if (fstatSync(descriptor).isFile()) return descriptor;
      closeSync(descriptor);
    } catch (error) {
      throw refuse(`Unable to open shared memory region: '${name}': ${reasonOf(error)}`);
    }
    throw refuse(`Unable to open shared memory region: '${name}': '${key}' is no shared memory object`);
  }
}

function plain({ name, key, offset, byteSize }: Region): Region {
  return { name, key, offset, byteSize };
}

/** The shared memory of a server. Error: OIP_UNSUPPORTED, where it is off. */
export function memoryOf(memory: SharedMemory | null): SharedMemory {
  if (memory !== null) return memory;
  const reason = "shared memory is off: set 'models.sharedMemory', and serve with one process that writes";
  throw fail('OIP_UNSUPPORTED', { reason });
}

/** The place that parameters of a tensor name; null: the tensor is in the body. Error: OIP_REQUEST. */
export function sharedPlaceOf(parameters: Parameters, tensor: string): SharedPlace | null {
  const { shared_memory_region: region, shared_memory_byte_size: byteSize, shared_memory_offset: offset } = parameters;
  if (region === undefined) return null;
  const [size, from] = [Number(byteSize ?? Number.NaN), Number(offset ?? 0)];
  if (typeof region !== 'string' || !Number.isSafeInteger(size) || !Number.isSafeInteger(from) || size < 0 || from < 0)
    throw refuse(
      `'shared_memory_region', 'shared_memory_byte_size' or 'shared_memory_offset' of '${tensor}' has no valid value`,
    );
  return { region, byteSize: size, offset: from };
}
