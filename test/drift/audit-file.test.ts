import fc from 'fast-check';
import { expect, test } from 'vitest';
import { csvFields } from '../../src/gpu/readers/csv.ts';
import { auditRows, auditText } from '../../src/monitoring/estimate/audit-file.ts';

const id = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r', 'Ω', ' '), minLength: 1, maxLength: 6 });

test('a sample has as many rows as ids, whatever characters an id has', () => {
  fc.assert(
    fc.property(fc.array(id, { maxLength: 20 }), (ids) => {
      expect(auditRows(auditText(ids))).toBe(ids.length);
    }),
  );
});

test('an id of one line reads back equal', () => {
  for (const one of ['a', 'a,b', '"', 'a "b", c', ' a ']) {
    const [, line = ''] = auditText([one]).split('\n');
    expect(csvFields(line)).toEqual([one]);
  }
});
