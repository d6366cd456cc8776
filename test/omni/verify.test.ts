import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AttributeValue, OmniUser } from '../../model/person.ts';
import { differences } from '../../omni/verify.ts';

function answer(fields: Partial<OmniUser> = {}): OmniUser {
  return {
    id: '9e8719d9-276a-4964-9395-a493189a247c',
    userName: 'bob@example.com',
    displayName: 'Bob',
    active: true,
    ...fields,
  };
}

/** The kind of difference for one attribute. */
function attribute(sent: AttributeValue, came: unknown) {
  return differences({ attributes: { a: sent } }, answer({ attributes: { a: came } }))[0]?.kind;
}

describe('differences', () => {
  it.each<[AttributeValue, unknown, string | undefined]>([
    ['x', 'x', undefined],
    ['x', 'y', 'kept'],
    ['x', undefined, 'dropped'],
    ['x', null, 'dropped'],
    ['x', '', 'dropped'],
    ['x', ['x'], 'coerced'],
    [5, 5, undefined],
    [5, '5', 'coerced'],
    [5, '5.0', 'coerced'],
    ['5', 5, 'coerced'],
    [0.1, '0.10', 'coerced'],
    [5, '6', 'kept'],
    ['007', '7', 'kept'],
    ['9007199254740993', 9007199254740992, 'kept'],
    ['true', 'yes', 'coerced'],
    ['true', true, 'coerced'],
    ['no', false, 'coerced'],
    ['true', 'no', 'kept'],
    ['Zoe\u0308', 'Zoë', undefined],
    [' x', 'x', 'coerced'],
    [['a', 'b'], ['b', 'a'], undefined],
    [[1, 2], ['2', '1'], 'coerced'],
    [['a', 'b'], ['a'], 'kept'],
    [['a', 'b'], ['a', 'a', 'b'], 'kept'],
    [['a,b'], ['a', 'b'], 'kept'],
    [[], [], undefined],
    [null, undefined, undefined],
    [null, null, undefined],
    [null, '', undefined],
    [null, [], undefined],
    [null, 'still', 'kept'],
    ['x', { x: 1 }, 'kept'],
    ['{"x":1}', { x: 1 }, 'kept'],
    ['x', ['x', ['x']], 'kept'],
  ])('for %j sent and %j shown says %s', (sent, came, kind) => expect(attribute(sent, came)).toBe(kind));

  it('never follows what Omni nests without end', () => {
    const deep: unknown = JSON.parse(`${'['.repeat(400_000)}${']'.repeat(400_000)}`);
    expect(attribute('x', deep)).toBe('kept');
    expect(attribute(['x', 'y'], ['x', { deep }])).toBe('kept');
    expect(attribute(null, deep)).toBe('kept');
  });

  it('says nothing of attributes where the answer shows none', () => {
    expect(differences({ attributes: { a: 'x', b: null } }, answer())).toEqual([]);
  });

  it('takes no inherited name for an attribute', () => {
    const sent = { attributes: { constructor: 'x' } };
    expect(differences(sent, answer({ attributes: {} }))).toEqual([
      { field: 'constructor', kind: 'dropped' },
    ]);
  });

  it('compares addresses as mailboxes and names as text', () => {
    const fields = { userName: ' BOB@Example.com', displayName: 'Bob' };
    expect(differences(fields, answer())).toEqual([]);
    expect(differences({ userName: 'rob@example.com', displayName: 'Rob' }, answer())).toEqual([
      { field: 'userName', kind: 'kept' },
      { field: 'displayName', kind: 'kept' },
    ]);
    expect(differences({ displayName: 'yes' }, answer({ displayName: 'true' }))[0]?.kind).toBe('kept');
    expect(differences({ displayName: 'Bob ' }, answer())[0]?.kind).toBe('coerced');
  });

  it('finds nothing where the answer repeats what was sent', () => {
    const value = fc.oneof(fc.string(), fc.double({ noNaN: true }), fc.array(fc.string()), fc.constant(null));
    fc.assert(
      fc.property(fc.dictionary(fc.string(), value), fc.string(), (attributes, displayName) => {
        const shown = answer({ attributes: JSON.parse(JSON.stringify(attributes)), displayName });
        const sent = { attributes: JSON.parse(JSON.stringify(attributes)), displayName };
        expect(differences(sent, shown)).toEqual([]);
      }),
    );
  });
});
