import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { FileArtifactStore } from '../../src/backends/embedded/artifacts/file-artifact-store.ts';
import { S3ArtifactStore } from '../../src/backends/s3/s3-artifact-store.ts';
import { type ArtifactSubject, artifactStoreContracts } from '../../src/testing/contracts/artifact-store.ts';
import { MemoryArtifactStore } from '../memory/artifact-store.ts';
import { turns } from '../until.ts';
import { programPath, start } from './processes/run-process.ts';

const directories: string[] = [];

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'headrace-artifacts-'));
  directories.push(path);
  return path;
}

afterEach(() => {
  for (const path of directories.splice(0)) rmSync(path, { recursive: true, force: true });
});

const backends: Readonly<Record<string, () => ArtifactSubject>> = {
  memory: () => {
    const store = new MemoryArtifactStore();
    return { open: () => store };
  },
  file: () => {
    const path = directory();
    return { open: () => new FileArtifactStore(path) };
  },
};

for (const [name, subject] of Object.entries(backends)) {
  describe(`the ${name} artefact store keeps the rules of its port`, () => {
    for (const contract of artifactStoreContracts) {
      test(`rule ${contract.rule}: ${contract.name}`, () => contract.run(subject()));
    }
  });
}

const bytes = new TextEncoder().encode('a model');

describe('artefacts in a directory', () => {
  test('rule 2: a file that was changed or cut is ARTIFACT_DAMAGED, and putting it again repairs it', () => {
    const path = directory();
    const store = new FileArtifactStore(path);
    const digest = store.put(bytes);
    const file = join(path, digest.slice(0, 2), digest);
    for (const damage of ['a modeL', 'a mod', '']) {
      writeFileSync(file, damage);
      expect(() => store.get(digest)).toThrow(expect.objectContaining({ code: 'ARTIFACT_DAMAGED' }));
      expect(store.put(bytes)).toBe(digest);
      expect(new TextDecoder().decode(store.get(digest))).toBe('a model');
    }
  });

  test('a process killed while it writes leaves every acknowledged artefact whole, and no half one under a digest', async () => {
    for (let round = 0; round < 3; round += 1) {
      const path = directory();
      let seen = 0;
      const { ended } = start(process.execPath, [programPath('put-artifact.ts'), path], (_, child) => {
        seen += 1;
        // At another place of the next write each time.
        if (seen === 3) void turns(round * 40).then(() => child.kill('SIGKILL'));
      });
      const acknowledged = (await ended).stdout.split('\n').filter((line) => line.length === 64);
      expect(acknowledged.length).toBeGreaterThanOrEqual(3);
      const store = new FileArtifactStore(path);
      for (const digest of acknowledged) expect(store.get(digest)).toHaveLength(1_500_000);
      for (const folder of readdirSync(path)) {
        for (const name of readdirSync(join(path, folder)).filter((one) => !one.startsWith('.'))) {
          const content = readFileSync(join(path, folder, name));
          expect(createHash('sha256').update(content).digest('hex')).toBe(name);
        }
      }
    }
  });

  test('a full disk is ARTIFACT_WRITE, everything acknowledged before is kept, and nothing half lies about', async () => {
    const path = directory();
    const program = programPath('fill-disk.ts');
    const command = `ulimit -f 512 && exec "${process.execPath}" "${program}" artifacts "${path}"`;
    const { stdout, stderr } = await start('sh', ['-c', command]).ended;
    const answer: { acknowledged: number; code: string } = JSON.parse(stdout || JSON.stringify({ stderr }));
    expect(answer.code).toBe('ARTIFACT_WRITE');
    const files = readdirSync(path).flatMap((folder) => readdirSync(join(path, folder)));
    expect(files).toHaveLength(answer.acknowledged);
    expect(files.filter((name) => name.startsWith('.'))).toEqual([]);
  });

  test('a directory that may not be written is ARTIFACT_WRITE, a file that may not be read ARTIFACT_READ', async () => {
    const path = directory();
    const digest = new FileArtifactStore(path).put(bytes);
    chmodSync(join(path, digest.slice(0, 2), digest), 0o000);
    chmodSync(path, 0o555);
    // The superuser may do anything: take another user's place.
    const script = `
      if (process.getuid() === 0) process.setuid(65534);
      const { FileArtifactStore } = await import(${JSON.stringify(programPath('../../../src/backends/embedded/artifacts/file-artifact-store.ts'))});
      const store = new FileArtifactStore(${JSON.stringify(path)});
      const codeOf = (work) => { try { return work(); } catch (error) { return error.code; } };
      console.log(codeOf(() => store.put(new Uint8Array(3))), codeOf(() => store.get('${digest}')));`;
    const { stdout, stderr } = await start(process.execPath, ['--input-type=module', '-e', script]).ended;
    chmodSync(path, 0o755);
    expect({ stdout: stdout.trim(), stderr }).toEqual({ stdout: 'ARTIFACT_WRITE ARTIFACT_READ', stderr: '' });
  });
});

test('a bucket whose last page has an empty token is listed once', async () => {
  const digest = 'a'.repeat(64);
  let asked = 0;
  const bucket = createServer((_, response) => {
    asked += 1;
    // Whoever asks again is refused, so that the test ends.
    response.statusCode = asked === 1 ? 200 : 403;
    response.end(
      `<ListBucketResult><Contents><Key>aa/${digest}</Key></Contents><NextContinuationToken></NextContinuationToken></ListBucketResult>`,
    );
  });
  await once(bucket.listen(0, '127.0.0.1'), 'listening');
  const { port } = bucket.address() as AddressInfo;
  const keys = { accessKeyId: 'id', secretAccessKey: 'secret' };
  const where = { endpoint: `http://127.0.0.1:${port}`, region: 'r', bucket: 'b', prefix: '', spool: directory() };
  const found: string[] = [];
  try {
    for await (const one of (await S3ArtifactStore.open({ ...where, ...keys })).digests()) found.push(one);
  } finally {
    bucket.closeAllConnections();
    bucket.close();
  }
  expect([found, asked]).toEqual([[digest], 1]);
});
