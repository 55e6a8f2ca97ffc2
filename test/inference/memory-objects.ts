import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { fail } from '../../src/base/errors/fail.ts';
import type { RemoteFile } from '../../src/ports/remote-files.ts';
import type { RemoteText, RemoteWrites } from '../../src/ports/remote-writes.ts';

/** A store of objects in memory, in one bucket `lake`. `before` is called before each request, and may throw. */
export class MemoryObjects implements RemoteWrites {
  readonly objects = new Map<string, Buffer>();
  /** Whether conditions of writes are heeded. */
  readonly isConditional: boolean;
  before: (request: 'list' | 'download' | 'upload' | 'text' | 'swap' | 'remove', url: string) => void = () => undefined;
  /** Called after a swap has written. */
  swapped: () => void = () => undefined;

  constructor(isConditional = true) {
    this.isConditional = isConditional;
  }

  async list(url: string): Promise<readonly RemoteFile[]> {
    this.#ask('list', url);
    const bytes = this.objects.get(url);
    if (bytes === undefined) throw fail('REMOTE_FILE', { url, reason: 'there is no such file' });
    return [{ url, sizeBytes: bytes.length, tag: tagOf(bytes) }];
  }

  async below(url: string): Promise<readonly RemoteFile[]> {
    this.#ask('list', url);
    return [...this.objects]
      .filter(([key]) => key.startsWith(url))
      .map(([key, bytes]) => ({ url: key, sizeBytes: bytes.length, tag: tagOf(bytes) }));
  }

  async download({ url, tag }: RemoteFile, path: string): Promise<void> {
    this.#ask('download', url);
    const bytes = this.objects.get(url);
    if (bytes === undefined || tagOf(bytes) !== tag)
      throw fail('REMOTE_FILE', { url, reason: 'it has changed meanwhile' });
    writeFileSync(path, bytes);
  }

  async upload(path: string, url: string): Promise<void> {
    this.#ask('upload', url);
    this.objects.set(url, readFileSync(path));
  }

  async text(url: string): Promise<RemoteText | null> {
    this.#ask('text', url);
    const bytes = this.objects.get(url);
    return bytes === undefined ? null : { text: bytes.toString(), tag: tagOf(bytes) };
  }

  async swap(url: string, text: string, before: string | null): Promise<boolean> {
    this.#ask('swap', url);
    const bytes = this.objects.get(url);
    const tag = bytes === undefined ? null : tagOf(bytes);
    if (this.isConditional && tag !== before) return false;
    this.objects.set(url, Buffer.from(text));
    this.swapped();
    return true;
  }

  async remove(url: string): Promise<void> {
    this.#ask('remove', url);
    this.objects.delete(url);
  }

  close(): void {}

  #ask(request: Parameters<MemoryObjects['before']>[0], url: string): void {
    if (!url.startsWith('s3://lake/')) throw fail('REMOTE_FILE', { url, reason: 'there is no such bucket' });
    this.before(request, url);
  }
}

function tagOf(bytes: Buffer): string {
  return createHash('md5').update(bytes).digest('hex');
}
