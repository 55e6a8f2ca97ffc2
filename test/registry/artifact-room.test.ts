import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { FileArtifactStore } from '../../src/backends/embedded/artifacts/file-artifact-store.ts';
import { BoundedArtifacts } from '../../src/compose/bounded-artifacts.ts';
import { openArtifacts } from '../../src/compose/open-artifacts.ts';
import { resolveEnvironment } from '../../src/environment/config.ts';
import { ArtifactRoom, type RoomShare } from '../../src/featurestore/disk/artifact-room.ts';
import { bytesElsewhere } from '../../src/featurestore/disk/bytes-elsewhere.ts';
import { oneChunk, storeContent } from '../../src/registry/store-content.ts';
import { openHeadrace } from '../../src/running/headrace.ts';
import { project, purchases } from '../loop/shop.ts';
import { registrySite } from './registry-site.ts';

const MIB = 2 ** 20;

function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-room-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

test('whatever is kept, stored, given up and removed, artefacts never have more than their share, and free space is free', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('reserve' as const), bytes: fc.nat(400) }),
    fc.record({ kind: fc.constantFrom('stored' as const, 'release' as const, 'grow' as const), bytes: fc.nat(99) }),
    fc.record({ kind: fc.constantFrom('remove' as const, 'later' as const), bytes: fc.nat(300) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let [disk, now] = [0, 0];
      const room = new ArtifactRoom({ bytes: 1_000, elsewhere: () => disk, clock: () => now });
      const open: { share: RoomShare; bytes: number }[] = [];
      const kept = () => disk + open.reduce((sum, { bytes }) => sum + bytes, 0);
      const tries = (bytes: number, take: () => void) => {
        const fits = kept() + bytes <= 500;
        if (fits) take();
        else expect(take).toThrow(expect.objectContaining({ code: 'DISK_ARTIFACTS', status: 507 }));
        return fits;
      };
      for (const { kind, bytes } of steps) {
        const one = open[bytes % Math.max(1, open.length)];
        if (kind === 'reserve') tries(bytes, () => open.push({ share: room.reserve(bytes), bytes }));
        else if (kind === 'later') now += 1_000;
        else if (kind === 'remove') disk = Math.max(0, disk - bytes);
        else if (one === undefined) continue;
        else if (kind === 'grow') one.bytes += tries(bytes, () => one.share.grow(bytes)) ? bytes : 0;
        else {
          open.splice(open.indexOf(one), 1);
          if (kind === 'stored') disk += one.bytes;
          one.share[kind]();
        }
        expect(kept()).toBeLessThanOrEqual(500);
      }
    }),
  );
});

/** Uploads this many bytes; without `isSaid` their number is not in the head. Gives status and body. */
function upload(url: string, name: string, size: number, isSaid = true): Promise<{ status: number; text: string }> {
  return new Promise((resolve) => {
    const headers = isSaid ? { 'content-length': size } : {};
    const sent = request(
      `${url}/api/2.0/mlflow-artifacts/artifacts/${name}`,
      { method: 'PUT', headers },
      (response) => {
        let text = '';
        response.on('data', (piece) => {
          text += String(piece);
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      },
    );
    // The server closes while the rest is sent.
    sent.on('error', () => undefined);
    // Of a length that is said not one byte is needed for the refusal.
    if (isSaid && size > 5 * MIB) sent.flushHeaders();
    else sent.end(Buffer.alloc(size, name));
  });
}

test('an upload that does not fit is refused before its bytes with its code, and others are taken', async () => {
  const directory = newDirectory();
  const folder = join(directory, 'artifacts');
  const room = new ArtifactRoom({ bytes: 10 * MIB, elsewhere: () => bytesElsewhere(directory), clock: Date.now });
  const site = await registrySite('memory', { artifacts: new BoundedArtifacts(new FileArtifactStore(folder), room) });
  const large = await upload(site.url, 'large', 9 * MIB);
  expect(large.status).toBe(507);
  expect(JSON.parse(large.text)).toMatchObject({
    error_code: 'RESOURCE_EXHAUSTED',
    message: expect.stringContaining('DISK_ARTIFACTS'),
  });
  expect(await upload(site.url, 'small', 4 * MIB)).toMatchObject({ status: 200 });
  const unsaid = await upload(site.url, 'unsaid', 3 * MIB, false);
  expect(unsaid.status, 'of unknown length').toBe(507);
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  expect(files, 'no part of a refused one stays').toHaveLength(1);
  expect(await upload(site.url, 'tiny', 1_000)).toMatchObject({ status: 200 });
});

test('of uploads at one time as many are taken as fit together', async () => {
  const directory = newDirectory();
  const room = new ArtifactRoom({ bytes: 10 * MIB, elsewhere: () => bytesElsewhere(directory), clock: Date.now });
  const site = await registrySite('memory', {
    artifacts: new BoundedArtifacts(new FileArtifactStore(join(directory, 'artifacts')), room),
  });
  const names = ['a', 'b', 'c', 'd', 'e'];
  const statuses = await Promise.all(names.map(async (name) => (await upload(site.url, name, 2 * MIB)).status));
  expect(statuses.filter((status) => status === 200)).toHaveLength(2);
  expect(statuses.filter((status) => status === 507)).toHaveLength(3);
});

test('where an artefact was refused, events are taken; the open store of an environment refuses it', async () => {
  const directory = newDirectory();
  const options = { directory, partitions: 1, disk: { bytes: 12 * MIB } };
  const headrace = await openHeadrace({ project, environment: options });
  onTestFinished(() => headrace.close());
  const artifacts = await openArtifacts(resolveEnvironment('local', options, 'p'));
  const registry = { claimContent: async () => undefined };
  const store = (size: number) =>
    storeContent({ registry, artifacts }, oneChunk(Buffer.alloc(size, 'm')), Date.now(), size);
  await expect(store(11 * MIB)).rejects.toMatchObject({ code: 'DISK_ARTIFACTS' });
  await store(MIB);
  await headrace.flush();
  const event = { purchase: 'p1', at: Date.now(), user: 'u', item: 'i', cents: 1 };
  expect(await headrace.ingest(purchases, [event])).toMatchObject({ accepted: 1 });
  expect(headrace.status().degraded).toEqual([]);
});
