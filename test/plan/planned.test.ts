/** Rows of a plan: the same is the same, and any difference is noticed. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Link } from '../../model/link.ts';
import { markOfAccount, type PlannedChange, whyChanged } from '../../plan/planned.ts';

const ROW: PlannedChange = {
  sourceId: 'E1',
  ref: 'r1',
  kind: 'update',
  cause: 'changed',
  userName: 'p1@acme.example',
  omniId: '00000000-0000-4000-8000-000000000001',
  provenance: 'created',
  fields: { displayName: 'New', '@region': 'north' },
  version: 'v1',
  was: 'w1',
  calls: 1,
  note: null,
};

const LINK: Link = {
  sourceId: 'E1',
  omniId: '00000000-0000-4000-8000-000000000001',
  userName: 'p1@acme.example',
  provenance: 'created',
  state: 'active',
  since: 1,
  protected: false,
  confirmed: new Set(['aaaaa', 'bbbbb']),
};

describe('whyChanged', () => {
  it.each([
    ['kind', { kind: 'rename' }, 'it would be rename now, and was update in the plan'],
    ['account', { omniId: null }, 'another account would be changed now'],
    ['version', { version: 'v2' }, 'what the directory says of this person has changed'],
    ['link', { was: 'w2' }, 'what is known of the account in Omni has changed'],
    ['cause', { cause: 'missing' }, 'the cause is missing now, and was changed in the plan'],
    ['field', { fields: { displayName: 'New' } }, 'other fields would be written now'],
    ['value', { fields: { displayName: 'New', '@region': null } }, 'other fields would be written now'],
    ['reason', { kind: 'withhold', note: 'held' }, 'held'],
    ['reason that is missing', { kind: 'withhold' }, 'it is withheld now'],
  ] as const)('notices another %s', (_, change, why) => {
    expect(whyChanged(ROW, { ...ROW, ...(change as Partial<PlannedChange>) })).toBe(why);
  });

  it('finds nothing where the order of fields, the ref, old values or the cost alone differ', () => {
    const fields = { '@region': 'north', displayName: 'New' };
    expect(
      whyChanged(ROW, { ...ROW, fields, ref: null, old: { displayName: 'Old' }, calls: 0 }),
    ).toBeUndefined();
  });
});

describe('markOfAccount', () => {
  it('is empty for nobody', () => {
    expect(markOfAccount(undefined, undefined)).toBe('');
  });

  it('tells a link from every other state of it, and from the account alone', () => {
    const marks = [
      LINK,
      { ...LINK, omniId: '00000000-0000-4000-8000-000000000002' },
      { ...LINK, userName: 'p2@acme.example' },
      { ...LINK, provenance: 'adopted' as const },
      { ...LINK, state: 'deactivated' as const },
      { ...LINK, protected: true },
      { ...LINK, confirmed: new Set(['aaaaa']) },
    ].map((link) => markOfAccount(link, undefined));
    marks.push(
      markOfAccount(undefined, { id: LINK.omniId, displayName: 'A', active: true }),
      markOfAccount(undefined, { id: LINK.omniId, displayName: 'A', active: false }),
    );
    expect(new Set(marks).size).toBe(marks.length);
  });

  it('does not mind in which order fields were confirmed', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ minLength: 5, maxLength: 5 })), (digests) => {
        const one = markOfAccount({ ...LINK, confirmed: new Set(digests) }, undefined);
        expect(markOfAccount({ ...LINK, confirmed: new Set(digests.toReversed()) }, undefined)).toBe(one);
      }),
    );
  });
});
