// @module-tag deep

import { afterAll, beforeAll, describe, test } from 'vitest';
import { FaultWire } from '../away/fault-wire.ts';
import { closesWhile, forms } from '../away/serve-away.ts';
import { addressOf, freshOptions } from './addresses.ts';

describe.each(['away', 'stalled'] as const)('a process whose Redis is %s', (state) => {
  let wire: FaultWire;

  beforeAll(async () => {
    wire = await FaultWire.open(Number(new URL(addressOf('REDIS_URL')[0]).port));
  });

  afterAll(() => wire.close());

  test.each(forms.map((form) => [form.words.join(' '), form] as const))(
    '%s ends, names what is not committed, and has it at the next start',
    async (_, form) => {
      const url = `redis://127.0.0.1:${wire.port}`;
      const { prefix } = freshOptions([url]);
      await closesWhile(form, state, {
        wire,
        environment: { namespace: prefix, online: { kind: 'redis', url, timeout: '500ms' } },
      });
    },
  );
});
