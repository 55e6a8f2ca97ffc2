import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { defineProject } from '../../src/features/define/declare.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { type RunningGrpc, startGrpc } from '../../src/server/grpc/grpc-server.ts';
import { loadProto, type PlainMessage, type Proto } from '../../src/server/grpc/proto.ts';
import { draws } from './draws.ts';
import { attack, attacks } from './frame-attacks.ts';

/** Inputs of all attacks together, most of them a frame; a longer run elsewhere sets more. */
const INPUTS = Number(process.env['HEADRACE_FUZZ'] ?? 9_000);
const A_CONNECTION = 1_500;

/** Attacks that end their connection. */
const ENDED = ['rapidReset', 'continuationFlood', 'noise'];
const SEED = Number(process.env['HEADRACE_SEED'] ?? 1);

const directory = mkdtempSync(join(tmpdir(), 'headrace-frames-'));
let headrace: Headrace;
let grpc: RunningGrpc;
let proto: Proto;

beforeAll(async () => {
  headrace = await openHeadrace({ project: defineProject('frames', {}), environment: { directory, partitions: 1 } });
  grpc = await startGrpc(headrace, { host: '127.0.0.1', port: 0 });
  proto = await loadProto();
});

afterAll(async () => {
  await grpc.close();
  await headrace.close();
  rmSync(directory, { recursive: true, force: true });
});

function isLive(client: Client): Promise<PlainMessage> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      '/inference.GRPCInferenceService/ServerLive',
      (fields: object) => proto.encode('ServerLiveRequest', fields),
      (bytes: Buffer) => proto.decode('ServerLiveResponse', bytes),
      {},
      (error, answer) => (error === null && answer !== undefined ? resolve(answer) : reject(error)),
    );
  });
}

test.each(Object.keys(attacks))('%s: another client and a new one are answered all the while', async (name) => {
  const port = Number(grpc.address.split(':')[1]);
  const other = new Client(grpc.address, credentials.createInsecure());
  const share = INPUTS / Object.keys(attacks).length;
  let [inputs, connections] = [0, 0];
  const ends = new Map<number | null, number>();
  while (inputs < share) {
    const draw = draws(SEED * 1_000_003 + connections);
    const found = await attack(port, attacks[name](draw, A_CONNECTION));
    inputs += found.inputs;
    ends.set(found.goAway, (ends.get(found.goAway) ?? 0) + 1);
    connections += 1;
    expect(await isLive(other)).toMatchObject({ live: true });
  }
  other.close();
  const late = new Client(grpc.address, credentials.createInsecure());
  expect(await isLive(late)).toMatchObject({ live: true });
  late.close();
  if (process.env['HEADRACE_FUZZ'] !== undefined)
    console.warn(`${name}: ${inputs} inputs over ${connections} connections; their ends: ${JSON.stringify([...ends])}`);
  if (ENDED.includes(name)) expect([...ends.keys()], name).not.toContain(null);
});
