/** Names and addresses that look alike, or are written in two ways: no account twice, and no write again and again. */
import { describe, expect, it } from 'vitest';
import type { DirectoryRecord } from '../../model/person.ts';
import { crowd, person } from '../support/people.ts';
import { aside, employ, expectLedgerRight, rigsOfFile, round } from './living.ts';
import { LIST, PATCH, POST, type Rig } from './rig.ts';

const rigWith = rigsOfFile();

/** Two spellings of one mailbox. Omni's document takes ASCII alone: the others get no account, and no second try. */
const CASES = [
  ['the name in capitals', 'ANN.LEE@acme.example', 'ann.lee@acme.example'],
  ['the host in capitals', 'ann.lee@ACME.example', 'ann.lee@acme.example'],
  ['an I', 'IRIS@acme.example', 'iris@acme.example'],
] as const;
const SAME = [
  ...CASES,
  ['NFC and NFD', 'r\u00e9mi@acme.example', 're\u0301mi@acme.example'],
  ['either case and form', 'R\u00c9MI@acme.example', 're\u0301mi@acme.example'],
  ['the Kelvin sign', '\u212aim@acme.example', 'kim@acme.example'],
  [
    'a sigma by its place',
    '\u039d\u0399\u039a\u039f\u03a3@acme.example',
    '\u03bd\u03b9\u03ba\u03bf\u03c2@acme.example',
  ],
] as const;

/** Two mailboxes that look alike. */
const APART = [
  ['a dotted capital I', '\u0130rem@acme.example', 'irem@acme.example'],
  ['a dotless i', '\u0131rem@acme.example', 'irem@acme.example'],
  ['sharp s', 'strau\u00df@acme.example', 'strauss@acme.example'],
] as const;

async function callsWith(rig: Rig, ...records: DirectoryRecord[]): Promise<string[]> {
  rig.people.set(records);
  return (await round(rig)).calls;
}

const codes = async (rig: Rig) => (await rig.ledger.rejections()).map(({ code }) => code);

describe('two spellings of one address', () => {
  it.each(CASES)('are one account, and a change of spelling costs nothing: %s', async (_, one, other) => {
    const rig = await rigWith();
    expect(await callsWith(rig, person(1, { email: one }))).toEqual([LIST, POST]);
    for (const email of [other, one, other]) {
      expect(await callsWith(rig, person(1, { email }))).toEqual([]);
    }
    expect(await callsWith(rig, person(1, { email: one, name: 'Renamed' }))).toEqual([PATCH]);
    expect(rig.sandbox.state().users).toHaveLength(1);
    await expectLedgerRight(rig);
  });

  it.each(SAME)('are twins in two records, and neither is followed: %s', async (_, one, other) => {
    const rig = await rigWith();
    const twins = [person(1, { email: one }), person(2, { email: other })];
    for (let again = 0; again < 2; again++) {
      expect((await callsWith(rig, ...twins)).filter((call) => call !== LIST)).toEqual([]);
    }
    expect(await codes(rig)).toEqual(['record.twin-userName', 'record.twin-userName']);
  });

  it.each(CASES)('find the account again when the ledger is lost: %s', async (_, one, other) => {
    const rig = await rigWith();
    await callsWith(rig, person(1, { email: one }));
    await rig.redis.flushall();
    expect(await callsWith(rig, person(1, { email: other }))).toEqual([LIST]);
    expect(await callsWith(rig, person(1, { email: one }))).toEqual([]);
    expect(rig.sandbox.state().users).toHaveLength(1);
    expect(await rig.links()).toMatchObject([{ provenance: 'adopted' }]);
  });

  it.each(CASES)('hand the account on to a new id: %s', async (_, one, other) => {
    const rig = await rigWith();
    const rest = crowd(12).slice(1);
    await callsWith(rig, person(1, { email: one }), ...rest);
    expect(await callsWith(rig, person(99, { email: other, name: 'Person 1' }), ...rest)).toEqual([]);
    expect((await rig.links()).map(({ sourceId }) => sourceId)).toContain('E99');
    await expectLedgerRight(rig);
  });

  it('stay as they are where Omni stores addresses in lower case', async () => {
    const rig = await rigWith({ sandbox: { lowerCaseAddresses: true } });
    const spelt = person(1, { email: 'Ann.Lee@ACME.example' });
    expect(await callsWith(rig, spelt)).toEqual([LIST, POST]);
    for (let again = 0; again < 2; again++) expect(await callsWith(rig, spelt)).toEqual([]);
    await rig.redis.flushall();
    expect(await callsWith(rig, spelt)).toEqual([LIST]);
    expect(rig.sandbox.state().users).toHaveLength(1);
  });
});

describe('two addresses that look alike', () => {
  it.each(APART)('are two people, of whom Omni refuses one, once: %s', async (_, one, other) => {
    const rig = await rigWith();
    const people = [person(1, { email: one }), person(2, { email: other })];
    expect(await callsWith(rig, ...people)).toEqual([LIST, POST, POST]);
    expect(await codes(rig)).toEqual([]);
    expect(Object.keys(await aside(rig))).toEqual(['E1']);
    for (let again = 0; again < 2; again++) expect((await round(rig)).calls).toEqual([]);
    expect(rig.sandbox.state().users).toMatchObject([{ userName: other }]);
  });
});

describe('characters that are not seen', () => {
  it.each([
    ['a zero-width space', '\u200b'],
    ['a zero-width joiner', '\u200d'],
    ['a byte order mark', '\ufeff'],
    ['a soft hyphen', '\u00ad'],
    ['a direction mark', '\u202e'],
  ])('in an address reject the record, and its person keeps the account: %s', async (_, unseen) => {
    const rig = await rigWith();
    await employ(rig, 4);
    const others = crowd(4).slice(1);
    for (let again = 0; again < 2; again++) {
      expect(await callsWith(rig, person(1, { email: `p1${unseen}@acme.example` }), ...others)).toEqual([]);
    }
    expect(await codes(rig)).toEqual(['record.bad-user-name']);
    expect(rig.sandbox.state().users.filter(({ active }) => active)).toHaveLength(4);
    // Nor does a second record get an account that looks like the first one's.
    const second = person(9, { email: `p1${unseen}@acme.example` });
    expect(await callsWith(rig, ...crowd(4), second)).toEqual([]);
  });

  it.each([
    ['a zero-width space', 'Per\u200bson'],
    ['letters joined', '\u{1f469}\u200d\u{1f4bb} Person'],
    ['right to left', '\u05d3\u05e0\u05d4 \u202bPerson\u202c'],
    ['decomposed', 'Re\u0301mi'],
    ['Turkish', 'I\u015f\u0131l \u0130nan'],
  ])('in a name or an attribute are written once: %s', async (_, name) => {
    const rig = await rigWith({ mapping: { attributes: { region: 'region' } } });
    await employ(rig, 2);
    const written = [person(1, { name, region: name }), person(2)];
    expect(await callsWith(rig, ...written)).toEqual([PATCH]);
    for (let again = 0; again < 2; again++) expect((await round(rig)).calls).toEqual([]);
    const composed = person(1, { name: name.normalize('NFC'), region: name.normalize('NFC') });
    expect(await callsWith(rig, composed, person(2))).toEqual([]);
    expect(await aside(rig)).toEqual({});
  });
});
