import { createHash, randomUUID } from 'node:crypto';
import { openAsBlob } from 'node:fs';
import { mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { AwsClient } from 'aws4fetch';
import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import { answerStart, answerText } from '../../base/read-answer.ts';
import type { ArtifactStore, ByteRange, StagedContent } from '../../ports/artifact-store.ts';

export interface S3Options {
  /** `https://s3.eu-west-1.amazonaws.com` or that of another store; the bucket is the first part of the path. */
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  /** Before each key, without slashes at its ends; empty: none. */
  readonly prefix: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** A folder of this machine where uploads wait for their digest. */
  readonly spool: string;
}

/** Of the answer of a failure this much is read, bytes. */
const LONGEST_FAILURE = 65_536;

/** A page of a list comes within this, ms. */
const LIST_WITHIN_MS = 60_000;

const DIGEST = /^[0-9a-f]{64}$/;
const RETRIES = 3;
const LISTED = 1_000;

/**
 * Artefacts as objects `<prefix>/<first two digits>/<digest>` of a bucket. Uploads wait in a file of this machine until their digest is
 * known; the request is signed over it, so that the store refuses other bytes.
 * Errors: ARTIFACT_*, ARTIFACT_CLIENT.
 */
export class S3ArtifactStore implements ArtifactStore {
  readonly #client: AwsClient;
  readonly #options: S3Options;

  private constructor(client: AwsClient, options: S3Options) {
    this.#client = client;
    this.#options = options;
  }

  static async open(options: S3Options): Promise<S3ArtifactStore> {
    const { accessKeyId, secretAccessKey, region } = options;
    const { AwsClient } = await loadClient();
    return new S3ArtifactStore(
      new AwsClient({ accessKeyId, secretAccessKey, region, service: 's3', retries: RETRIES }),
      options,
    );
  }

  async put(bytes: Uint8Array): Promise<string> {
    const staged = await this.stage(one(bytes));
    await staged.commit();
    return staged.digest;
  }

  async get(digest: string): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of await this.read(digest)) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  async stage(bytes: AsyncIterable<Uint8Array>): Promise<StagedContent> {
    const { spool } = this.#options;
    const path = join(spool, `.${randomUUID()}`);
    try {
      await mkdir(spool, { recursive: true });
      const { digest, sizeBytes } = await spooled(path, bytes);
      return {
        digest,
        sizeBytes,
        commit: async () => {
          await this.#upload(path, digest);
          await rm(path, { force: true });
        },
        discard: () => rm(path, { force: true }),
      };
    } catch (error) {
      await rm(path, { force: true });
      if (isHeadraceError(error) || !(error instanceof Error && 'syscall' in error)) throw error;
      throw fail('ARTIFACT_WRITE', { path, reason: reasonOf(error) }, error);
    }
  }

  async size(digest: string): Promise<number | null> {
    if (!DIGEST.test(digest)) return null;
    const response = await this.#ask('read', digest, { method: 'HEAD' });
    if (response.status === 404) return null;
    if (!response.ok) throw await this.#failure('ARTIFACT_READ', digest, response);
    return Number(response.headers.get('content-length'));
  }

  async read(digest: string, range?: ByteRange): Promise<AsyncIterable<Uint8Array>> {
    if (!DIGEST.test(digest)) throw fail('ARTIFACT_UNKNOWN', { digest });
    const headers: Record<string, string> = range === undefined ? {} : { range: `bytes=${range.from}-${range.to}` };
    const response = await this.#ask('read', digest, { method: 'GET', headers });
    if (response.status === 404) {
      await response.body?.cancel();
      throw fail('ARTIFACT_UNKNOWN', { digest });
    }
    if (!response.ok || response.body === null) throw await this.#failure('ARTIFACT_READ', digest, response);
    const url = this.#url(digest);
    return range === undefined ? checked(response.body, digest, url) : chunksOf(response.body, url);
  }

  async *digests(): AsyncIterable<string> {
    let token: string | null = null;
    do {
      const query = new URLSearchParams({ 'list-type': '2', 'max-keys': String(LISTED), prefix: this.#prefix() });
      if (token !== null) query.set('continuation-token', token);
      const { endpoint, bucket } = this.#options;
      const response = await this.#fetch('ARTIFACT_READ', `${endpoint}/${bucket}?${query}`, {
        method: 'GET',
        signal: AbortSignal.timeout(LIST_WITHIN_MS),
      });
      if (!response.ok) throw await this.#failure('ARTIFACT_READ', '', response);
      const text = await answerText(response.body);
      for (const [, key = ''] of text.matchAll(/<Key>([^<]*)<\/Key>/g)) {
        const name = key.split('/').at(-1) ?? '';
        if (DIGEST.test(name)) yield name;
      }
      // Some stores end the last page with an empty token.
      token = /<NextContinuationToken>([^<]*)<\/NextContinuationToken>/.exec(text)?.[1] || null;
    } while (token !== null);
  }

  async erase(digest: string): Promise<void> {
    if (!DIGEST.test(digest)) return;
    const response = await this.#ask('write', digest, { method: 'DELETE' });
    await response.body?.cancel();
    if (!response.ok && response.status !== 404) throw await this.#failure('ARTIFACT_WRITE', digest, response);
  }

  async clearStaged(before: number): Promise<number> {
    let cleared = 0;
    for (const name of await readdir(this.#options.spool).catch(() => [])) {
      const path = join(this.#options.spool, name);
      const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
      if (!name.startsWith('.') || mtimeMs >= before) continue;
      await rm(path, { force: true });
      cleared += 1;
    }
    return cleared;
  }

  async #upload(path: string, digest: string): Promise<void> {
    const body = await openAsBlob(path);
    const headers = { 'x-amz-content-sha256': digest, 'content-type': 'application/octet-stream' };
    const response = await this.#ask('write', digest, { method: 'PUT', headers, body });
    if (!response.ok) throw await this.#failure('ARTIFACT_WRITE', digest, response);
    await response.body?.cancel();
  }

  #ask(use: 'read' | 'write', digest: string, init: RequestInit): Promise<Response> {
    return this.#fetch(use === 'read' ? 'ARTIFACT_READ' : 'ARTIFACT_WRITE', this.#url(digest), init);
  }

  async #fetch(code: 'ARTIFACT_READ' | 'ARTIFACT_WRITE', url: string, init: RequestInit): Promise<Response> {
    try {
      return await this.#client.fetch(url, init);
    } catch (error) {
      throw fail(code, { path: url.split('?')[0], reason: reasonOf(error) }, error);
    }
  }

  async #failure(code: 'ARTIFACT_READ' | 'ARTIFACT_WRITE', digest: string, response: Response): Promise<Error> {
    const text = await answerStart(response.body, LONGEST_FAILURE).catch(() => '');
    const reason = /<Message>([^<]*)<\/Message>/.exec(text)?.[1] ?? '';
    return fail(code, { path: this.#url(digest), reason: `status ${response.status} ${reason}`.trim() });
  }

  #prefix(): string {
    return this.#options.prefix === '' ? '' : `${this.#options.prefix}/`;
  }

  #url(digest: string): string {
    const { endpoint, bucket } = this.#options;
    return `${endpoint}/${bucket}/${this.#prefix()}${digest.slice(0, 2)}/${digest}`;
  }
}

async function spooled(path: string, bytes: AsyncIterable<Uint8Array>) {
  const hash = createHash('sha256');
  const file = await open(path, 'wx');
  let sizeBytes = 0;
  try {
    for await (const chunk of bytes) {
      hash.update(chunk);
      for (let at = 0; at < chunk.length; ) at += (await file.write(chunk, at)).bytesWritten;
      sizeBytes += chunk.length;
    }
  } finally {
    await file.close();
  }
  return { digest: hash.digest('hex'), sizeBytes };
}

/** The whole content, whose last chunk comes only if the digest is right. Errors: ARTIFACT_DAMAGED, ARTIFACT_READ. */
async function* checked(body: ReadableStream<Uint8Array>, digest: string, path: string): AsyncIterable<Uint8Array> {
  const hash = createHash('sha256');
  let last: Uint8Array | null = null;
  for await (const chunk of chunksOf(body, path)) {
    hash.update(chunk);
    if (last !== null) yield last;
    last = chunk;
  }
  if (hash.digest('hex') !== digest) throw fail('ARTIFACT_DAMAGED', { path });
  if (last !== null) yield last;
}

async function* chunksOf(body: ReadableStream<Uint8Array>, path: string): AsyncIterable<Uint8Array> {
  try {
    for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) yield chunk;
  } catch (error) {
    throw fail('ARTIFACT_READ', { path, reason: reasonOf(error) }, error);
  }
}

async function* one(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}

async function loadClient() {
  try {
    return await import('aws4fetch');
  } catch (error) {
    throw fail('ARTIFACT_CLIENT', { package: 'aws4fetch', reason: reasonOf(error) }, error);
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
