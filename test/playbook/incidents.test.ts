import { expect, test } from 'vitest';
import { fingerprintOf } from '../../src/ports/incident.ts';
import { incidentContracts } from '../../src/testing/contracts/incident.ts';
import { MemoryIncidents } from '../memory/incidents.ts';

test.each(incidentContracts)('rule $rule: $name', async ({ run }) => {
  const incidents = new MemoryIncidents();
  await run({ open: () => incidents });
});

test('a fingerprint names the cause, whatever the order of its parts', () => {
  const of = { model: 'fraud', kind: 'qualityFault' } as const;
  expect(fingerprintOf(of, ['user', 'amount'])).toBe(fingerprintOf(of, ['amount', 'user', 'amount']));
  expect(fingerprintOf(of, ['a+b'])).not.toBe(fingerprintOf(of, ['a', 'b']));
  expect(fingerprintOf({ ...of, slice: 'country=DE' }, ['a'])).toBe('fraud/qualityFault/country%3DDE/a');
});
