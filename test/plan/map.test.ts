import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSyncError } from '../../model/errors.ts';
import { addressKey, type DirectoryRecord, type FieldValue } from '../../model/person.ts';
import { compileMapping, type Mapped, type MappingOptions } from '../../plan/map.ts';

const OPTIONS: MappingOptions = {
  id: 'employee_id',
  userName: 'email',
  displayName: 'first_name + " " + last_name',
  active: 'status == "active"',
  where: 'department != "Contractors"',
  attributes: { team: 'department', region: 'office', level: { value: 'level', keep: true } },
};

const ANN: DirectoryRecord = {
  employee_id: 'E-1',
  email: ' Ann.Lee@Acme.example ',
  first_name: 'Ann',
  last_name: 'Lee',
  status: 'active',
  department: 'Sales',
  office: 'Berlin',
  level: 3,
};

function map(record: DirectoryRecord, options: Partial<MappingOptions> = {}): Mapped {
  return compileMapping({ ...OPTIONS, ...options }).map(record);
}

/** What one attribute, mapped from the field `x`, becomes. */
function attributeOf(x: FieldValue, attribute: string | { value: string; keep: boolean } = 'x'): unknown {
  const mapped = map({ ...ANN, x }, { attributes: { attribute } });
  return mapped.verdict === 'inScope' ? mapped.desired.attributes : mapped;
}

function rejectionOf(mapped: Mapped) {
  if (mapped.verdict !== 'rejected') throw new Error(`not rejected but ${mapped.verdict}`);
  return mapped.rejection;
}

describe('compileMapping', () => {
  it('maps a person in scope', () => {
    expect(map(ANN)).toEqual({
      verdict: 'inScope',
      sourceId: 'E-1',
      protected: false,
      desired: {
        sourceId: 'E-1',
        userName: 'Ann.Lee@Acme.example',
        displayName: 'Ann Lee',
        attributes: { level: 3, region: 'Berlin', team: 'Sales' },
      },
    });
  });

  it.each([
    ['texts', Array(20).fill('x'.repeat(15_000))],
    ['texts that JSON writes longer', Array(4).fill('\u0001'.repeat(12_000))],
    ['very many texts', Array(900).fill('é'.repeat(200))],
  ])('rejects a person whose %s take more than is sent', (_, office) => {
    const { sourceId, code, reason } = rejectionOf(map({ ...ANN, office }));
    expect([sourceId, code]).toEqual(['E-1', 'record.too-large']);
    expect(reason).toMatch(/256 KiB.*Map fewer/);
  });

  it('takes a person just below the most that is sent, and knows one beyond it who is not wanted', () => {
    const office = Array(16).fill('x'.repeat(16_000));
    expect(map({ ...ANN, office }).verdict).toBe('inScope');
    const beyond = map({ ...ANN, office: [...office, ...office], status: 'left' });
    expect(beyond).toEqual({ verdict: 'inactive', sourceId: 'E-1', protected: false });
  });

  it('names the fields that it reads, protection included, and its attributes in order', () => {
    const mapping = compileMapping({ ...OPTIONS, protect: ['title == "CEO"'] });
    const fields = [
      'department',
      'email',
      'employee_id',
      'first_name',
      'last_name',
      'level',
      'office',
      'status',
      'title',
    ];
    expect([...mapping.fields].sort()).toEqual(fields);
    expect(mapping.attributeNames).toEqual(['level', 'region', 'team']);
  });

  it('takes everyone as active and in scope where nothing says otherwise', () => {
    const { active: _, where: __, ...everyone } = OPTIONS;
    expect(compileMapping(everyone).map({ ...ANN, status: 'left', department: 'Contractors' }).verdict).toBe(
      'inScope',
    );
  });

  it.each<[string, DirectoryRecord, Mapped['verdict']]>([
    ['out of scope', { department: 'Contractors' }, 'outOfScope'],
    ['inactive', { status: 'left' }, 'inactive'],
    ['out of scope before inactive', { department: 'Contractors', status: 'left' }, 'outOfScope'],
  ])('judges a person %s, with what could be mapped', (_, change, verdict) => {
    expect(map({ ...ANN, ...change })).toMatchObject({
      verdict,
      sourceId: 'E-1',
      desired: { userName: 'Ann.Lee@Acme.example' },
    });
    const unmapped = map({ ...ANN, ...change, email: 'no address' });
    expect(unmapped).toEqual({ verdict, sourceId: 'E-1', protected: false });
  });

  it.each<[FieldValue, string]>([
    [' E-7 ', 'E-7'],
    [7, '7'],
    [9_007_199_254_740_991, '9007199254740991'],
    ['é'.repeat(127), 'é'.repeat(127)],
  ])('takes the id %j', (id, sourceId) => {
    expect(map({ ...ANN, employee_id: id })).toMatchObject({
      verdict: 'inScope',
      sourceId,
      desired: { sourceId },
    });
  });

  it.each<[FieldValue, string]>([
    [null, 'record.no-id'],
    ['', 'record.no-id'],
    ['  ', 'record.no-id'],
    [true, 'record.bad-id'],
    [['E-1'], 'record.bad-id'],
    [1.5, 'record.bad-id'],
    [9_007_199_254_740_992, 'record.bad-id'],
    [Number.NaN, 'record.bad-id'],
    ['E\u0000-1', 'record.bad-id'],
    ['E-\ud800', 'record.bad-id'],
    ['é'.repeat(128), 'record.bad-id'],
    ['x'.repeat(65_537), 'record.too-large'],
  ])('rejects the id %j without naming anyone', (id, code) => {
    expect(rejectionOf(map({ ...ANN, employee_id: id }))).toMatchObject({ code });
    expect(rejectionOf(map({ ...ANN, employee_id: id }))).not.toHaveProperty('sourceId');
  });

  it.each<[DirectoryRecord, string, string]>([
    [{ email: null }, 'record.no-user-name', 'userName is empty'],
    [{ email: ['a@b.example'] }, 'record.bad-user-name', 'a list'],
    [{ email: 'ann' }, 'record.bad-user-name', 'no e-mail address'],
    [{ email: 'ann@' }, 'record.bad-user-name', 'no e-mail address'],
    [{ email: '@acme.example' }, 'record.bad-user-name', 'no e-mail address'],
    [{ email: 'ann@b@acme.example' }, 'record.bad-user-name', 'no e-mail address'],
    [{ email: 'ann@acme..example' }, 'record.bad-user-name', 'no e-mail address'],
    [{ email: 'mailto:ann@acme.example' }, 'record.bad-user-name', 'no e-mail address'],
    [{ email: 'a b@acme.example' }, 'record.bad-user-name', 'not seen'],
    [{ email: 'ann\u200b@acme.example' }, 'record.bad-user-name', 'not seen'],
    [{ email: 'ann\u202e@acme.example' }, 'record.bad-user-name', 'not seen'],
    [{ email: 'ann\u00ad@acme.example' }, 'record.bad-user-name', 'not seen'],
    [{ email: 'ann\u3164@acme.example' }, 'record.bad-user-name', 'not seen'],
    [{ email: 'ann\u0007@acme.example' }, 'record.bad-user-name', 'not seen'],
    [{ email: `${'a'.repeat(242)}@acme.example` }, 'record.bad-user-name', 'longer than 254'],
    [{ last_name: null }, 'record.expression', 'displayName: The expression failed at column 17'],
    [{ first_name: ' ', last_name: ' ' }, 'record.no-display-name', 'displayName is empty'],
    [{ last_name: 'L\nee' }, 'record.bad-display-name', 'control characters'],
    [{ last_name: 'x'.repeat(253) }, 'record.bad-display-name', 'longer than 256'],
    [{ office: { city: 'Berlin' } }, 'record.bad-attribute', 'attributes.region holds an object'],
    [{ office: [['Berlin']] }, 'record.bad-attribute', 'attributes.region holds a list'],
    [{ office: Number.POSITIVE_INFINITY }, 'record.bad-attribute', 'not finite'],
    [{ office: 'é'.repeat(8_193) }, 'record.bad-attribute', 'longer than 16384'],
    [{ office: 'cut \ud83d' }, 'record.bad-attribute', 'half a character'],
    [{ office: 'x'.repeat(65_537) }, 'record.too-large', 'attributes.region: Field office'],
  ])('rejects %j alone, with the id and the reason', (change, code, said) => {
    const rejection = rejectionOf(map({ ...ANN, ...change }));
    expect(rejection).toMatchObject({ sourceId: 'E-1', code });
    expect(rejection.reason).toContain(said);
    expect(rejection.reason).not.toMatch(/\b(?:Ann|Lee|Berlin)\b|acme/i);
  });

  it.each([
    'ann@acme.example',
    "o'brien+omni@acme.example",
    'jürgen@bücher.example',
    'अन्न@उदाहरण.example',
    'ann@localhost',
    'a@xn--bcher-kva.example',
    `${'a'.repeat(241)}@acme.example`,
  ])('takes the address %s as it stands', (email) => {
    expect(map({ ...ANN, email })).toMatchObject({ desired: { userName: email } });
  });

  it.each<[Partial<MappingOptions>, string, string]>([
    [{ active: 'status' }, 'record.bad-active', 'active gave text; it must be true or false'],
    [{ where: 'level' }, 'record.bad-where', 'where gave a number'],
    [{ where: 'missing' }, 'record.bad-where', 'where gave nothing'],
    [{ where: 'missing.startsWith("a")' }, 'record.expression', 'where: The expression failed at column 8'],
    [{ protect: ['missing > 3'] }, 'record.expression', 'protect[0]: The expression failed'],
    [{ protect: ['ceo@acme.example', '(status)'] }, 'record.bad-protect', 'protect[1] gave text'],
  ])('rejects a record that %j cannot judge: its person is present', (options, code, said) => {
    const rejection = rejectionOf(map(ANN, options));
    expect(rejection).toMatchObject({ sourceId: 'E-1', code });
    expect(rejection.reason).toContain(said);
  });

  it.each<[FieldValue, FieldValue]>([
    ['Berlin', 'Berlin'],
    [5, 5],
    [-0, 0],
    [2.5, 2.5],
    [true, 'true'],
    [false, 'false'],
    [9_007_199_254_740_991, 9_007_199_254_740_991],
    [2 ** 53, '9007199254740992'],
    [1e21, '1000000000000000000000'],
    [null, null],
    ['', null],
    [
      ['a', 'b'],
      ['a', 'b'],
    ],
    [
      [1, 2],
      [1, 2],
    ],
    [
      ['a', null, '', 2, true],
      ['a', '2', 'true'],
    ],
    [
      [1, 2 ** 53],
      ['1', '9007199254740992'],
    ],
    [[], null],
    [[null, ''], null],
  ])('maps the attribute value %j to %j', (value, expected) => {
    expect(attributeOf(value)).toEqual({ attribute: expected });
  });

  it('clears an attribute for null, unless it is kept', () => {
    expect(attributeOf(null)).toEqual({ attribute: null });
    expect(attributeOf(null, { value: 'x', keep: true })).toEqual({});
    expect(attributeOf([], { value: 'x', keep: true })).toEqual({});
    expect(attributeOf('Berlin', { value: 'x', keep: true })).toEqual({ attribute: 'Berlin' });
  });

  it.each<[string, boolean]>([
    ['ANN.lee@acme.EXAMPLE', true],
    ['bob@acme.example', false],
    ['E-1', true],
    ['e-1', false],
    ['level > 2', true],
    ['level > 3', false],
    ['email.contains("@Acme.example")', true],
    ["email==' Ann.Lee@Acme.example '", true],
    ['department', false],
  ])('protects by %s: %s', (entry, isProtected) => {
    expect(map(ANN, { protect: [entry] })).toMatchObject({ verdict: 'inScope', protected: isProtected });
    expect(map({ ...ANN, status: 'left' }, { protect: [entry] })).toMatchObject({ protected: isProtected });
  });

  it('protects by address a person out of scope whose other values cannot be mapped', () => {
    const record = { ...ANN, department: 'Contractors', first_name: null };
    const mapped = map(record, { protect: ['ann.lee@acme.example'] });
    expect(mapped).toEqual({ verdict: 'outOfScope', sourceId: 'E-1', protected: true });
  });

  it('tells every fault of a mapping at once, each with its place', () => {
    const wrong = {
      ...OPTIONS,
      userName: 'email.lowr()',
      where: 'a = b',
      attributes: { good: 'x', bad: '"', constructor: 'x' },
      protect: ['uid=ann,ou=people'],
    };
    let message = '';
    try {
      compileMapping(wrong);
    } catch (error) {
      if (!isSyncError(error, 'config')) throw error;
      message = error.message;
    }
    const places = message.split('\n').map((line) => line.slice(0, line.indexOf(':')));
    expect(places).toEqual(['userName', 'where', 'attributes.bad', 'attributes.constructor', 'protect[0]']);
  });

  it.each(['__proto__', 'constructor', 'prototype'])('rejects a record with a field %s', (name) => {
    const record = JSON.parse(
      JSON.stringify(ANN).replace('{', `{${JSON.stringify(name)}:{"polluted":true},`),
    );
    expect(rejectionOf(map(record))).toMatchObject({ code: 'record.forbidden-key' });
    expect(Object.prototype).not.toHaveProperty('polluted');
  });

  it('rejects what it cannot map and never throws', () => {
    const mapping = compileMapping({ ...OPTIONS, protect: ['ceo@acme.example', 'title == "CEO"'] });
    const prototype = Object.getOwnPropertyNames(Object.prototype).join();
    fc.assert(
      fc.property(anyRecord(), (record) => {
        const mapped = mapping.map(record);
        if (mapped.verdict !== 'rejected') {
          expect(mapped.sourceId).toBe(String(record.employee_id).trim());
          return;
        }
        expect(mapped.rejection.code).toMatch(/^record\.[a-z-]+$/);
        expect(mapped.rejection.reason).not.toBe('');
      }),
      { numRuns: 10_000 },
    );
    expect(Object.getOwnPropertyNames(Object.prototype).join()).toBe(prototype);
  });
});

/** Ann, with some of her fields replaced by anything that JSON can hold. */
function anyRecord(): fc.Arbitrary<DirectoryRecord> {
  const leaf = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.double(),
    fc.boolean(),
    fc.constantFrom('', null, 'a@b.example'),
  );
  const nested = fc.oneof(
    leaf,
    fc.array(leaf),
    fc.dictionary(fc.constantFrom('a', '__proto__', 'constructor'), leaf),
  );
  const fields = fc.constantFrom(...Object.keys(ANN), 'title', '__proto__', 'constructor');
  return fc.dictionary(fields, nested, { maxKeys: 4 }).map((change) => ({ ...ANN, ...change }));
}

describe('addressKey', () => {
  const text = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.string({ unit: 'binary' }),
    fc.string({
      unit: fc.constantFrom('I', 'İ', 'ı', 'i', '\u0307', 'Σ', 'σ', 'ς', 'ß', 'K', 'é', 'e\u0301', ' ', '@'),
    }),
  );

  it('is the same when taken twice', () => {
    fc.assert(
      fc.property(text, (address) => addressKey(addressKey(address)) === addressKey(address)),
      { numRuns: 10_000 },
    );
  });

  it('is the same for NFC and NFD', () => {
    const same = (address: string) =>
      addressKey(address.normalize('NFD')) === addressKey(address.normalize('NFC'));
    fc.assert(fc.property(text, same), { numRuns: 10_000 });
  });

  it('is the same for ASCII in either case', () => {
    const ascii = fc.string({ unit: fc.constantFrom(...'abcxyzABCXYZ019.-+@') });
    fc.assert(
      fc.property(
        ascii,
        (address) => addressKey(address.toUpperCase()) === addressKey(address.toLowerCase()),
      ),
    );
  });

  it.each([
    ['Kim@acme.example', 'kım@acme.example'],
    ['İpek@acme.example', 'ipek@acme.example'],
    ['straße@acme.example', 'strasse@acme.example'],
  ])('keeps %s and %s apart', (left, right) => {
    expect(addressKey(left)).not.toBe(addressKey(right));
  });

  it('takes the final sigma for a sigma', () => {
    expect(addressKey('ΝΙΚΟΣ@acme.example')).toBe(addressKey('νικος@acme.example'));
    expect(addressKey('ΝΙΚΟΣ@acme.example')).toBe(addressKey('νικοσ@acme.example'));
  });
});
