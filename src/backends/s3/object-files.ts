import { createWriteStream, renameSync, rmSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { S3Client } from '@aws-sdk/client-s3';
import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import type { RemoteFile } from '../../ports/remote-files.ts';
import type { RemoteText, RemoteWrites } from '../../ports/remote-writes.ts';

type Sdk = typeof import('@aws-sdk/client-s3');

/** Attempts of one request. */
const ATTEMPTS = 3;

/** Without an answer for this time a request has failed, ms. */
const ANSWER_WITHIN_MS = 30_000;

/**
 * Opens S3, or a store that speaks its protocol. Region, credentials and endpoint are those of the AWS tools: variables such as
 * AWS_REGION, AWS_PROFILE and AWS_ENDPOINT_URL, and the files in ~/.aws. Error: REMOTE_CLIENT.
 */
export async function openObjectFiles(env: Readonly<Record<string, string | undefined>>): Promise<RemoteWrites> {
  const sdk = await loadSdk();
  const endpoint = env['AWS_ENDPOINT_URL_S3'] ?? env['AWS_ENDPOINT_URL'];
  const client = new sdk.S3Client({
    maxAttempts: ATTEMPTS,
    requestHandler: { connectionTimeout: ANSWER_WITHIN_MS, requestTimeout: ANSWER_WITHIN_MS },
    // Other stores have no name for each bucket.
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    ...(env['AWS_REGION'] === undefined && endpoint !== undefined ? { region: 'us-east-1' } : {}),
  });
  return new ObjectFiles(sdk, client);
}

const FULL = 507;

/** Names of errors of stores whose bucket or disk is full. */
const NO_SPACE = /Quota|StorageFull|InsufficientStorage|InsufficientCapacity/i;

async function loadSdk(): Promise<Sdk> {
  try {
    return await import('@aws-sdk/client-s3');
  } catch (error) {
    throw fail('REMOTE_CLIENT', {}, error);
  }
}

class ObjectFiles implements RemoteWrites {
  readonly #sdk: Sdk;
  readonly #client: S3Client;
  readonly #writes: ObjectWrites;

  constructor(sdk: Sdk, client: S3Client) {
    this.#sdk = sdk;
    this.#client = client;
    this.#writes = new ObjectWrites(sdk, client);
  }

  async list(url: string): Promise<readonly RemoteFile[]> {
    const { bucket, key } = placeOf(url);
    return this.#asked(url, async () => {
      if (key !== '' && !key.endsWith('/')) return [await this.#one(url, bucket, key)];
      const files = await this.#below(bucket, key);
      if (files.length === 0) throw fail('REMOTE_FILE', { url, reason: 'there is no file below it' });
      return files;
    });
  }

  below(url: string): Promise<readonly RemoteFile[]> {
    const { bucket, key } = placeOf(url);
    return this.#asked(url, () => this.#below(bucket, key));
  }

  async upload(path: string, url: string): Promise<void> {
    // From memory, so that the client can send it again.
    const body = await readFile(path);
    await this.#asked(url, () => this.#writes.write(body, placeOf(url)));
  }

  text(url: string): Promise<RemoteText | null> {
    return this.#asked(url, () => this.#writes.text(placeOf(url)));
  }

  swap(url: string, text: string, before: string | null): Promise<boolean> {
    return this.#asked(url, () => this.#writes.swap(placeOf(url), text, before));
  }

  remove(url: string): Promise<void> {
    return this.#asked(url, () => this.#writes.remove(placeOf(url)));
  }

  async #one(url: string, bucket: string, key: string): Promise<RemoteFile> {
    const head = await this.#client.send(new this.#sdk.HeadObjectCommand({ Bucket: bucket, Key: key }));
    return { url, sizeBytes: head.ContentLength ?? 0, tag: head.ETag ?? '' };
  }

  async #below(bucket: string, prefix: string): Promise<readonly RemoteFile[]> {
    const files: RemoteFile[] = [];
    const pages = this.#sdk.paginateListObjectsV2({ client: this.#client }, { Bucket: bucket, Prefix: prefix });
    // An empty object stands for a folder.
    for await (const { Contents = [] } of pages)
      for (const { Key: key = '', Size: sizeBytes = 0, ETag: tag = '' } of Contents)
        if (!key.endsWith('/')) files.push({ url: `s3://${bucket}/${key}`, sizeBytes, tag });
    return files;
  }

  async download({ url, sizeBytes, tag }: RemoteFile, path: string): Promise<void> {
    const { bucket, key } = placeOf(url);
    const partial = `${path}.tmp`;
    try {
      await this.#asked(url, async () => {
        const { Body: body } = await this.#client.send(
          new this.#sdk.GetObjectCommand({ Bucket: bucket, Key: key, IfMatch: tag }),
        );
        if (!(body instanceof Readable)) throw fail('REMOTE_FILE', { url, reason: 'it has no content' });
        await pipeline(body, createWriteStream(partial, { flush: true }));
      });
      const { size } = statSync(partial);
      if (size !== sizeBytes) throw fail('REMOTE_FILE', { url, reason: `${size} of its ${sizeBytes} bytes came` });
      renameSync(partial, path);
    } finally {
      rmSync(partial, { force: true });
    }
  }

  close(): void {
    this.#client.destroy();
  }

  async #asked<T>(url: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (isHeadraceError(error) || !(error instanceof Error)) throw error;
      const status = error instanceof this.#sdk.S3ServiceException ? error.$metadata.httpStatusCode : undefined;
      if (status === 404) throw fail('REMOTE_FILE', { url, reason: 'there is no such file' }, error);
      if (status === 412) throw fail('REMOTE_FILE', { url, reason: 'it has changed meanwhile' }, error);
      if (status === FULL || NO_SPACE.test(error.name)) throw fail('REMOTE_FULL', { url, reason: error.name }, error);
      throw fail('REMOTE_STORE', { url, reason: error.message || error.name }, error);
    }
  }
}

/** The bucket and key of an address. Error: REMOTE_FILE. */
function placeOf(url: string): { readonly bucket: string; readonly key: string } {
  const [, bucket, key = ''] = /^s3:\/\/([^/]+)(?:\/(.*))?$/.exec(url) ?? [];
  if (bucket === undefined) throw fail('REMOTE_FILE', { url, reason: 'it is not s3://bucket/key' });
  return { bucket, key };
}

/** A bucket and a key in it. */
interface ObjectPlace {
  readonly bucket: string;
  readonly key: string;
}

/** Status of a request whose condition does not hold; 409 where another write of the same key runs. */
const CONDITION_FAILED: readonly unknown[] = [409, 412];
const MISSING = 404;

/** Writes objects of a store. */
class ObjectWrites {
  readonly #sdk: Sdk;
  readonly #client: S3Client;

  constructor(sdk: Sdk, client: S3Client) {
    this.#sdk = sdk;
    this.#client = client;
  }

  /** Writes an object; the store checks its bytes. */
  async write(body: Uint8Array, { bucket, key }: ObjectPlace): Promise<void> {
    await this.#client.send(new this.#sdk.PutObjectCommand({ Bucket: bucket, Key: key, Body: body }));
  }

  /** null: there is no such object. */
  async text({ bucket, key }: ObjectPlace): Promise<RemoteText | null> {
    try {
      const got = await this.#client.send(new this.#sdk.GetObjectCommand({ Bucket: bucket, Key: key }));
      return { text: (await got.Body?.transformToString()) ?? '', tag: got.ETag ?? '' };
    } catch (error) {
      if (error instanceof this.#sdk.NoSuchKey) return null;
      throw error;
    }
  }

  /** Writes an object if it still has a tag, or, with null, if it is absent; false: it has changed. */
  async swap({ bucket, key }: ObjectPlace, text: string, before: string | null): Promise<boolean> {
    const condition = before === null ? { IfNoneMatch: '*' } : { IfMatch: before };
    try {
      await this.#client.send(new this.#sdk.PutObjectCommand({ Bucket: bucket, Key: key, Body: text, ...condition }));
      return true;
    } catch (error) {
      const status = error instanceof this.#sdk.S3ServiceException ? error.$metadata.httpStatusCode : undefined;
      // An object that was removed has no tag.
      if (CONDITION_FAILED.includes(status) || (status === MISSING && before !== null)) return false;
      throw error;
    }
  }

  async remove({ bucket, key }: ObjectPlace): Promise<void> {
    await this.#client.send(new this.#sdk.DeleteObjectCommand({ Bucket: bucket, Key: key }));
  }
}
