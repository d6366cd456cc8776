import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Link } from '../../model/link.ts';
import type { AttributeValue, DesiredUser, OmniUser } from '../../model/person.ts';
import { confirmedAfter, forgotten } from '../../plan/confirmed.ts';
import { decide, fieldNames } from '../../plan/decide.ts';
import { type DriftRules, findDrift } from '../../plan/drift.ts';
import { confirmDigest, confirmedOf, fieldTag } from '../../plan/fingerprint.ts';

const ANN: DesiredUser = {
  sourceId: 'E1',
  userName: 'ann@acme.example',
  displayName: 'Ann Lee',
  attributes: { region: 'north', team: null },
};
const REPORT: DriftRules = { policy: 'upsert', otherwise: 'report', fields: {} };
const REPAIR: DriftRules = { ...REPORT, otherwise: 'repair' };

function linked(change: Partial<Link> = {}): Link {
  return {
    sourceId: 'E1',
    omniId: 'a1',
    userName: ANN.userName,
    provenance: 'created',
    state: 'active',
    since: 0,
    protected: false,
    confirmed: new Set(confirmedOf(ANN)),
    ...change,
  };
}

function shown(change: Partial<OmniUser> = {}): OmniUser {
  const { userName, displayName } = ANN;
  return { id: 'a1', userName, displayName, active: true, attributes: { region: 'north' }, ...change };
}

function listed(change: Partial<OmniUser> = {}): OmniUser {
  const { attributes: _, ...item } = shown(change);
  return item;
}

interface Row {
  readonly says: string;
  readonly link?: Link;
  readonly account: OmniUser | undefined;
  readonly fields: readonly string[];
}

const ROWS: readonly Row[] = [
  { says: 'nothing where all is as confirmed', account: shown(), fields: [] },
  { says: 'an account that is not there', account: undefined, fields: ['gone'] },
  { says: 'an account that somebody deactivated', account: shown({ active: false }), fields: ['active'] },
  { says: 'another userName', account: shown({ userName: 'eve@acme.example' }), fields: ['userName'] },
  { says: 'not a userName in another case', account: shown({ userName: 'Ann@ACME.example' }), fields: [] },
  { says: 'another displayName', account: listed({ displayName: 'Eve' }), fields: ['displayName'] },
  {
    says: 'an attribute of another value',
    account: shown({ attributes: { region: 'x' } }),
    fields: ['@region'],
  },
  {
    says: 'an attribute that was set',
    account: shown({ attributes: { region: 'north', team: 'a' } }),
    fields: ['@team'],
  },
  { says: 'an attribute that was cleared', account: shown({ attributes: {} }), fields: ['@region'] },
  {
    says: 'not an empty list for a cleared one',
    account: shown({ attributes: { region: 'north', team: [] } }),
    fields: [],
  },
  {
    says: 'not an attribute that is not mapped',
    account: shown({ attributes: { region: 'north', own: 'x' } }),
    fields: [],
  },
  { says: 'nothing of attributes that a list does not show', account: listed(), fields: [] },
  {
    says: 'nothing of fields that nobody confirmed',
    link: linked({ confirmed: new Set([confirmDigest('userName', ANN.userName)]) }),
    account: shown({ displayName: 'Eve', attributes: { region: 'x', team: 'y' } }),
    fields: [],
  },
  {
    says: 'an account that we took away and somebody brought back',
    link: linked({ state: 'deactivated', confirmed: new Set() }),
    account: shown({ displayName: 'Eve' }),
    fields: ['active'],
  },
  {
    says: 'not one that we took away and that is gone',
    link: linked({ state: 'deactivated', confirmed: new Set() }),
    account: undefined,
    fields: [],
  },
  {
    says: 'all of it at once',
    account: shown({ active: false, userName: 'e@acme.example', displayName: 'E', attributes: {} }),
    fields: ['active', 'userName', 'displayName', '@region'],
  },
];

const tagOf = (name: string) => fieldTag(`@${name}`);
const ALL_WRONG = shown({ active: false, userName: 'e@acme.example', displayName: 'E', attributes: {} });

function modes(link: Link, account: OmniUser | undefined, rules: DriftRules): Record<string, string> {
  const drifted = findDrift({ link, account, attributeNames: ['region', 'team'] }, rules);
  return Object.fromEntries(drifted.map(({ field, mode }) => [field, mode]));
}

describe('findDrift', () => {
  it.each(ROWS)('finds $says', ({ link = linked(), account, fields }) => {
    const found = findDrift({ link, account, attributeNames: ['region', 'team'] }, REPORT);
    expect(found).toEqual(fields.map((field) => ({ field, mode: 'report' })));
  });

  it('says by field what is to be done', () => {
    const fields = { active: 'ignore', displayName: 'repair', attributes: 'ignore' } as const;
    const rules = { ...REPORT, fields };
    const said = { active: 'ignore', userName: 'report', displayName: 'repair', '@region': 'ignore' };
    expect(modes(linked(), ALL_WRONG, rules)).toEqual(said);
    expect(modes(linked(), undefined, rules)).toEqual({ gone: 'ignore' });
  });

  it('takes the rule of one attribute before that of all, and of none for one that is called like a field', () => {
    const rules: DriftRules = {
      ...REPORT,
      fields: { attributes: 'repair', region: 'ignore', active: 'ignore' },
    };
    const account = shown({ attributes: { region: 'x', team: 'y' } });
    expect(modes(linked(), account, rules)).toEqual({ '@region': 'ignore', '@team': 'repair' });
    const link = linked({ confirmed: new Set([confirmDigest('@active', 'yes')]) });
    const found = findDrift({ link, account: shown(), attributeNames: ['active'] }, rules);
    expect(found).toEqual([{ field: '@active', mode: 'repair' }]);
  });

  it.each<[string, Partial<Link>, Partial<DriftRules>]>([
    ['under the policy create', {}, { policy: 'create' }],
    ['who is protected', { protected: true }, {}],
    ['whose account was never looked at', { unreviewed: true }, {}],
  ])('repairs nobody %s', (_, link, rules) => {
    const all = modes(linked(link), ALL_WRONG, { ...REPAIR, ...rules });
    expect(new Set(Object.values(all))).toEqual(new Set(['report']));
    expect(modes(linked(link), undefined, { ...REPAIR, ...rules })).toEqual({ gone: 'report' });
  });

  it('never takes away again whom we took away and somebody brought back', () => {
    const link = linked({ state: 'deactivated', confirmed: new Set() });
    expect(modes(link, shown(), { ...REPAIR, policy: 'full' })).toEqual({ active: 'report' });
  });

  it('does not hold a field to be known for one that shares its tag', () => {
    const names = Array.from({ length: 400 }, (_, n) => `a${n}`);
    const sharing = names.map((one) => [
      one,
      names.find((other) => other !== one && tagOf(other) === tagOf(one)),
    ]);
    const [one = '', other = ''] = sharing.find(([, other]) => other !== undefined) ?? [];
    const link = linked({ confirmed: new Set([confirmDigest(`@${one}`, 'x')]) });
    const look = (attributes: Record<string, string>) =>
      findDrift({ link, account: shown({ attributes }), attributeNames: [one, other] }, REPORT);
    expect(look({ [one]: 'x', [other]: 'y' })).toEqual([]);
    expect(look({ [one]: 'z' }).map(({ field }) => field)).toContain(`@${one}`);
  });
});

const value: fc.Arbitrary<AttributeValue> = fc.oneof(
  fc.constantFrom('a', 'b', '', 'true', '5', 5, 0, null),
  fc.array(fc.constantFrom('a', 'b', 'é'), { maxLength: 2 }),
);
const desired = fc
  .record({ displayName: fc.constantFrom('Ann', 'Bo'), region: value, team: value })
  .map(({ displayName, ...attributes }): DesiredUser => ({ ...ANN, displayName, attributes }));
/** Whatever Omni makes of it. */
const stored = fc.record({
  displayName: fc.constantFrom('Ann', 'Bo', ' Ann '),
  attributes: fc.option(
    fc.dictionary(fc.constantFrom('region', 'team'), fc.oneof(value, fc.constantFrom(true, 'yes', { a: 1 }))),
    { nil: undefined },
  ),
});

function answerOf({
  displayName,
  attributes,
}: {
  displayName: string;
  attributes?: Record<string, unknown> | undefined;
}) {
  const { attributes: _, ...item } = shown({ displayName });
  return attributes === undefined ? item : { ...item, attributes };
}

describe('confirmedAfter', () => {
  it('holds what Omni made of a write to be no drift, whatever that is', () => {
    fc.assert(
      fc.property(desired, stored, (user, omni) => {
        const answer = answerOf(omni);
        const link = linked({ confirmed: confirmedAfter({ desired: user, sent: user, answer }) });
        expect(modes(link, answer, REPORT)).toEqual({});
        expect(
          decide({ desired: user, protected: false, link }, { policy: 'full', adopt: 'always' }),
        ).toEqual({
          kind: 'none',
        });
      }),
    );
  });

  it('remembers it over writes of other fields', () => {
    const user = { ...ANN, attributes: { region: 'true' } };
    const first = confirmedAfter({
      desired: user,
      sent: user,
      answer: shown({ attributes: { region: 'yes' } }),
    });
    const answer = shown({ displayName: 'Ann L', attributes: { region: 'yes' } });
    const now = { ...user, displayName: 'Ann L' };
    const later = confirmedAfter({ desired: now, sent: { displayName: 'Ann L' }, answer, earlier: first });
    expect(modes(linked({ confirmed: later }), answer, REPORT)).toEqual({});
  });

  it('believes nothing of a field that was not sent and shows another value than before', () => {
    const answer = shown({ displayName: 'Ann L', attributes: { region: 'south' } });
    const now = { ...ANN, displayName: 'Ann L' };
    const earlier = new Set(confirmedOf(ANN));
    const confirmed = confirmedAfter({ desired: now, sent: { displayName: 'Ann L' }, answer, earlier });
    expect(modes(linked({ confirmed }), answer, REPORT)).toEqual({ '@region': 'report' });
  });

  it('never holds more digests than a link can', () => {
    const attributes = Object.fromEntries(Array.from({ length: 250 }, (_, n) => [`a${n}`, 'true']));
    const answer = shown({
      attributes: Object.fromEntries(Object.keys(attributes).map((name) => [name, 'yes'])),
    });
    const user = { ...ANN, attributes };
    expect(confirmedAfter({ desired: user, sent: user, answer }).size).toBe(255);
  });
});

describe('forgotten', () => {
  it('makes the next decision write just the drifted fields', () => {
    fc.assert(
      fc.property(desired, stored, (user, omni) => {
        const confirmed = new Set(confirmedOf(user));
        const account = answerOf(omni);
        const drifted = findDrift(
          { link: linked({ confirmed }), account, attributeNames: ['region', 'team'] },
          REPAIR,
        );
        const fields = drifted.map(({ field }) => field);
        const link = linked({ confirmed: forgotten(confirmed, fields) });
        const decision = decide(
          { desired: user, protected: false, link },
          { policy: 'upsert', adopt: 'always' },
        );
        expect(decision.kind === 'update' ? fieldNames(decision.fields).sort() : []).toEqual(
          [...fields].sort(),
        );
      }),
    );
  });

  it('leaves an account that somebody deactivated to be reactivated with what differs alone', () => {
    const link = linked({ state: 'deactivated' });
    const rules = { policy: 'upsert', adopt: 'always' } as const;
    expect(decide({ desired: ANN, protected: false, link }, rules)).toEqual({ kind: 'return', fields: {} });
  });
});
