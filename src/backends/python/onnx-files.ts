import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256Hex } from '../../base/hash/sha256.ts';
import type { PythonVersion } from '../../ports/python-runtime.ts';
import { encodeFrame, FrameReader, tensorsOf } from './frame.ts';
import type { OnnxCandidate } from './python-model.ts';

/** Part of the names of files, which change with the conversion. */
const FORMAT = 1;

/**
 * Versions that are served as ONNX, and those that are not: a file for each decision, named by the version's digest and its
 * environment. A file is a frame: the signature, the ONNX file, rows and the model's answers; an empty one says no.
 */
export class OnnxFiles {
  readonly #directory: string;
  readonly #holds: (candidate: OnnxCandidate) => Promise<boolean>;

  constructor(directory: string, holds: (candidate: OnnxCandidate) => Promise<boolean>) {
    this.#directory = directory;
    this.#holds = holds;
  }

  async isJudged(version: PythonVersion, python: string): Promise<boolean> {
    return existsSync(this.#path(version, python));
  }

  /** Keeps the first candidate that holds, or that none does. */
  async judge(version: PythonVersion, python: string, candidates: readonly OnnxCandidate[]): Promise<void> {
    for (const candidate of candidates) if (await this.#holds(candidate)) return this.keep(version, python, candidate);
    await this.keep(version, python, null);
  }

  async keep(version: PythonVersion, python: string, candidate: OnnxCandidate | null): Promise<void> {
    await mkdir(this.#directory, { recursive: true });
    const path = this.#path(version, python);
    const temporary = `${path}.${randomUUID()}`;
    await writeFile(temporary, candidate === null ? '' : Buffer.concat(bytesOf(candidate)));
    await rename(temporary, path);
  }

  /** The ONNX file of a version, if it still answers as the model did; null: none. */
  async find(version: PythonVersion, python: string): Promise<Uint8Array | null> {
    const bytes = await readFile(this.#path(version, python)).catch(() => null);
    const candidate = bytes === null ? null : candidateOf(bytes);
    return candidate !== null && (await this.#holds(candidate)) ? candidate.file : null;
  }

  #path({ digest }: PythonVersion, python: string): string {
    return join(this.#directory, `${sha256Hex(Buffer.from(`${FORMAT} ${digest} ${python}`))}.frame`);
  }
}

function bytesOf({ file, signature, inputs, outputs }: OnnxCandidate): readonly Uint8Array[] {
  const data = Uint8Array.from(file);
  const tensors = [{ name: 'file', type: 'UINT8', shape: [data.length], data } as const, ...inputs, ...outputs];
  return encodeFrame({ signature, inputs: inputs.length }, tensors);
}

/** null: the file says no, or is not whole. */
function candidateOf(bytes: Uint8Array): OnnxCandidate | null {
  try {
    const [frame] = new FrameReader(bytes.byteLength).push(bytes);
    const { signature, inputs } = frame.message;
    const [file, ...rows] = tensorsOf(frame);
    return {
      file: file.data as Uint8Array,
      signature: signature as OnnxCandidate['signature'],
      inputs: rows.slice(0, Number(inputs)),
      outputs: rows.slice(Number(inputs)),
    };
  } catch {
    return null;
  }
}
