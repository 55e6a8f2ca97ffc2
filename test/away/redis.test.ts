import { afterAll, beforeAll, describe } from 'vitest';
import { testRedisAway } from './redis-away.ts';
import { RespStandIn } from './resp-stand-in.ts';

let server: RespStandIn;

beforeAll(async () => {
  server = await RespStandIn.open();
});

afterAll(() => server.close());

describe('a store on a server that speaks the protocol of Redis', () => {
  let stores = 0;
  testRedisAway(
    () => server.port,
    (url) => {
      stores += 1;
      return { urls: [url], cluster: false, prefix: `away-${stores}`, tls: null, timeoutMs: 0 };
    },
  );
});
