import type { S3Client } from '@aws-sdk/client-s3';
import type { RemoteText } from '../../ports/remote-writes.ts';

type Sdk = typeof import('@aws-sdk/client-s3');

/** A bucket and a key in it. */
export interface ObjectPlace {
  readonly bucket: string;
  readonly key: string;
}

/** Status of a request whose condition does not hold; 409 where another write of the same key runs. */
const CONDITION_FAILED: readonly unknown[] = [409, 412];
const MISSING = 404;

/** Writes objects of a store. */
export class ObjectWrites {
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
