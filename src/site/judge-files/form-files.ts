import { readFile, writeFile } from 'node:fs/promises';
import { fail } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import type { FormFiles } from './judgement.ts';

/** More parts than this are no set of files that belong together. */
const MOST_PARTS = 200;
const LONGEST_NAME = 100;

/**
 * Writes the files of a form (multipart/form-data) into the folder of the process, by its own
 * name; the second of one name gets the number of its part. Reports name the files so. Error: SERVER_FORM.
 */
export async function formFiles(path: string, type: string, fields: readonly string[]): Promise<FormFiles> {
  const parts = [...(await parsedForm(await readFile(path), type)).entries()];
  if (parts.length > MOST_PARTS)
    throw fail('SERVER_FORM', { reason: `it has ${parts.length} parts, and at most ${MOST_PARTS} are read` });
  const found = new Map<string, string[]>();
  const taken = new Set<string>();
  for (const [number, [field, value]] of parts.entries()) {
    if (!fields.includes(field)) throw fail('SERVER_FORM', { reason: `no part is called "${field.slice(0, 50)}"` });
    if (typeof value === 'string') throw fail('SERVER_FORM', { reason: `the part "${field}" has no file name` });
    const plain = plainName(value.name);
    const name = taken.has(plain) ? `${number + 1}-${plain}` : plain;
    taken.add(name);
    await writeFile(name, new Uint8Array(await value.arrayBuffer()), { flag: 'wx' });
    found.set(field, [...(found.get(field) ?? []), name]);
  }
  return found;
}

/** The one file of a field. Error: SERVER_FORM. */
export function fileOf(files: FormFiles, field: string): string {
  const [path, another] = files.get(field) ?? [];
  if (path === undefined) throw fail('SERVER_FORM', { reason: `the part "${field}" is missing` });
  if (another !== undefined) throw fail('SERVER_FORM', { reason: `the part "${field}" is there twice` });
  return path;
}

async function parsedForm(bytes: Buffer<ArrayBuffer>, type: string): Promise<FormData> {
  try {
    return await new Response(bytes, { headers: { 'content-type': type } }).formData();
  } catch (error) {
    throw fail('SERVER_FORM', { reason: reasonOf(error) }, error);
  }
}

/** A name without folders, and without the signs that mean several files to a reader. */
function plainName(name: string): string {
  const plain = name.replaceAll(/[^A-Za-z0-9._-]/g, '_').replace(/^\.+/, '');
  return plain.slice(-LONGEST_NAME) || 'file';
}
