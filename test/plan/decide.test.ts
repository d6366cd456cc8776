import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Link } from '../../model/link.ts';
import type { AttributeValue, DesiredUser } from '../../model/person.ts';
import {
  confirmedOfAccount,
  type Decision,
  decide,
  fieldNames,
  isLifted,
  type KnownAccount,
  type Rules,
  type Situation,
} from '../../plan/decide.ts';
import { confirmedOf } from '../../plan/fingerprint.ts';

const UPSERT: Rules = { policy: 'upsert', adopt: 'always' };
const CREATE: Rules = { policy: 'create', adopt: 'always' };
const ANN: DesiredUser = {
  sourceId: 'E1',
  userName: 'ann@acme.example',
  displayName: 'Ann Lee',
  attributes: { region: 'north', team: null },
};
const ACCOUNT: KnownAccount = { id: 'a1', displayName: 'Ann Lee', active: true };

function linked(confirmed: readonly string[], change: Partial<Link> = {}): Link {
  return {
    sourceId: 'E1',
    omniId: 'a1',
    userName: ANN.userName,
    provenance: 'created',
    state: 'active',
    since: 0,
    protected: false,
    confirmed: new Set(confirmed),
    ...change,
  };
}

const IN_STEP = linked(confirmedOf(ANN));
const changed = (change: Partial<DesiredUser>): DesiredUser => ({ ...ANN, ...change });

interface Row {
  readonly says: string;
  readonly situation: Partial<Situation>;
  readonly rules?: Rules;
  readonly decision: unknown;
}

const ROWS: readonly Row[] = [
  { says: 'no link and no account: create', situation: {}, decision: { kind: 'create' } },
  { says: 'the same under policy create', situation: {}, rules: CREATE, decision: { kind: 'create' } },
  { says: 'the same for the protected', situation: { protected: true }, decision: { kind: 'create' } },
  {
    says: 'an account: adopt with what it does not show',
    situation: { account: ACCOUNT },
    decision: { kind: 'adopt', account: ACCOUNT, fields: { attributes: { region: 'north', team: null } } },
  },
  {
    says: 'an account of another name: adopt with the name too',
    situation: { account: { ...ACCOUNT, displayName: 'A. Lee' } },
    decision: { kind: 'adopt', fields: { displayName: 'Ann Lee', attributes: ANN.attributes } },
  },
  {
    says: 'an account under policy create: adopt as it is',
    situation: { account: { ...ACCOUNT, displayName: 'A. Lee' } },
    rules: CREATE,
    decision: { kind: 'adopt', fields: {} },
  },
  {
    says: 'a protected account: adopt as it is',
    situation: { account: { ...ACCOUNT, displayName: 'A. Lee' }, protected: true },
    decision: { kind: 'adopt', fields: {} },
  },
  {
    says: 'an inactive account: withheld',
    situation: { account: { ...ACCOUNT, active: false } },
    decision: { kind: 'withhold', code: 'omni.inactive' },
  },
  {
    says: 'an account under adopt never: withheld',
    situation: { account: ACCOUNT },
    rules: { ...UPSERT, adopt: 'never' },
    decision: { kind: 'withhold', code: 'omni.exists' },
  },
  {
    says: 'an account under adopt ask: withheld',
    situation: { account: ACCOUNT },
    rules: { ...UPSERT, adopt: 'ask' },
    decision: { kind: 'withhold', code: 'omni.adopt-ask' },
  },
  { says: 'all confirmed: none', situation: { link: IN_STEP }, decision: { kind: 'none' } },
  {
    says: 'a name that differs: update with it alone',
    situation: { link: IN_STEP, desired: changed({ displayName: 'Ann May' }) },
    decision: { kind: 'update', fields: { displayName: 'Ann May' } },
  },
  {
    says: 'one attribute that differs: update with it alone',
    situation: { link: IN_STEP, desired: changed({ attributes: { region: null, team: null } }) },
    decision: { kind: 'update', fields: { attributes: { region: null } } },
  },
  {
    says: 'an attribute that is no longer named: none',
    situation: { link: IN_STEP, desired: changed({ attributes: { region: 'north' } }) },
    decision: { kind: 'none' },
  },
  {
    says: 'a userName that differs: rename',
    situation: { link: IN_STEP, desired: changed({ userName: 'ann.may@acme.example' }) },
    decision: { kind: 'rename', fields: { userName: 'ann.may@acme.example' } },
  },
  {
    says: 'a userName in another case: none',
    situation: { link: IN_STEP, desired: changed({ userName: 'Ann@ACME.example' }) },
    decision: { kind: 'none' },
  },
  {
    says: 'a difference under policy full: update',
    situation: { link: IN_STEP, desired: changed({ displayName: 'Ann May' }) },
    rules: { ...UPSERT, policy: 'full' },
    decision: { kind: 'update' },
  },
  {
    says: 'a difference under policy create: none',
    situation: { link: IN_STEP, desired: changed({ displayName: 'Ann May' }) },
    rules: CREATE,
    decision: { kind: 'none' },
  },
  {
    says: 'a difference of the protected: none',
    situation: { link: IN_STEP, protected: true, desired: changed({ displayName: 'Ann May' }) },
    decision: { kind: 'none' },
  },
  {
    says: 'a link beside an account of that name: the link counts, whatever adopt says',
    situation: { link: IN_STEP, account: { ...ACCOUNT, id: 'a2', active: false } },
    rules: { ...UPSERT, adopt: 'never' },
    decision: { kind: 'none' },
  },
];

describe('decide', () => {
  it.each(ROWS)('$says', ({ situation, rules = UPSERT, decision }) => {
    const made = decide({ desired: ANN, protected: false, ...situation }, rules);
    expect(made).toMatchObject(decision as object);
    if (made.kind === 'update' || made.kind === 'rename' || made.kind === 'adopt')
      expect(made.fields).toEqual((decision as { fields?: unknown }).fields ?? made.fields);
  });

  it('tells nobody’s name or address in a reason', () => {
    for (const { situation, rules = UPSERT } of ROWS) {
      const made = decide({ desired: ANN, protected: false, ...situation }, rules);
      if (made.kind === 'withhold') expect(made.reason).not.toMatch(/ann|lee/i);
    }
  });
});

const value: fc.Arbitrary<AttributeValue> = fc.oneof(
  fc.constant(null),
  fc.string({ maxLength: 4 }),
  fc.integer({ min: -3, max: 3 }),
  fc.array(fc.string({ maxLength: 2 }), { maxLength: 2 }),
);
const desired: fc.Arbitrary<DesiredUser> = fc.record({
  sourceId: fc.constant('E1'),
  userName: fc.constantFrom('a@x.example', 'A@x.example', 'b@x.example'),
  displayName: fc.constantFrom('A', 'B', 'é', 'e\u0301'),
  attributes: fc.dictionary(fc.constantFrom('region', 'team', 'level'), value),
});
const rules: fc.Arbitrary<Rules> = fc.record({
  policy: fc.constantFrom('create' as const, 'upsert' as const, 'full' as const),
  adopt: fc.constantFrom('always' as const, 'never' as const, 'ask' as const),
});
const account: fc.Arbitrary<KnownAccount> = fc.record({
  id: fc.constant('a1'),
  displayName: fc.constantFrom('A', 'B'),
  active: fc.boolean(),
});
const link = desired.map((before) => linked(confirmedOf(before)));

/** The link that carrying a decision out leaves, as worker/apply.ts makes it. */
function applied(decision: Decision, { desired: wanted, link: before }: Situation): Link | undefined {
  switch (decision.kind) {
    case 'create':
      return linked(confirmedOf(wanted));
    case 'adopt': {
      const writes = fieldNames(decision.fields).length > 0;
      return linked(writes ? confirmedOf(wanted) : [...confirmedOfAccount(decision.account, wanted)]);
    }
    case 'update':
    case 'rename':
      return linked(confirmedOf(wanted));
    default:
      return before;
  }
}

describe('decide, once what it said is done', () => {
  it('says nothing more', () => {
    const situations = fc.record({
      desired,
      protected: fc.boolean(),
      link: fc.option(link, { nil: undefined }),
      account: fc.option(account, { nil: undefined }),
    });
    fc.assert(
      fc.property(situations, rules, (situation, rule) => {
        const first = decide(situation, rule);
        fc.pre(first.kind !== 'withhold');
        const again = decide({ ...situation, link: applied(first, situation), account: undefined }, rule);
        expect(again).toEqual({ kind: 'none' });
      }),
      { numRuns: 2_000 },
    );
  });

  it('names in an update exactly what the link does not hold', () => {
    fc.assert(
      fc.property(desired, desired, (before, after) => {
        const made = decide({ desired: after, protected: false, link: linked(confirmedOf(before)) }, UPSERT);
        const held = new Set(confirmedOf(before));
        const missing = confirmedOf(after).filter((digest) => !held.has(digest));
        const fields = made.kind === 'update' || made.kind === 'rename' ? made.fields : {};
        expect(fieldNames(fields)).toHaveLength(missing.length);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('fieldNames', () => {
  it('marks attributes', () => {
    expect(fieldNames({ userName: 'a', attributes: { region: 'x', userName: 'y' } })).toEqual([
      'userName',
      '@region',
      '@userName',
    ]);
    expect(fieldNames({})).toEqual([]);
  });
});

describe('isLifted', () => {
  it.each([
    ['omni.exists', 'always', true],
    ['omni.exists', 'ask', true],
    ['omni.exists', 'never', false],
    ['omni.adopt-ask', 'always', true],
    ['omni.adopt-ask', 'never', true],
    ['omni.adopt-ask', 'ask', false],
    ['omni.inactive', 'always', false],
  ] as const)('of %s under adopt %s is %s', (code, adopt, lifted) => {
    expect(isLifted(code, { ...UPSERT, adopt })).toBe(lifted);
  });
});
