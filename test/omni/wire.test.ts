import fc from 'fast-check';
import { parse as parseScimFilter } from 'scim2-parse-filter';
import { describe, expect, it } from 'vitest';
import {
  activeBody,
  createBody,
  instanceRoot,
  readDefinitions,
  readPage,
  readUser,
  USER_ATTRIBUTES,
  updateBody,
  userNameFilter,
  userPath,
} from '../../omni/wire.ts';

const ID = '9e8719d9-276a-4964-9395-a493189a247c';
const BLOB = { id: ID, userName: 'blob@example.com', displayName: 'Blob', active: true };

function read(user: unknown) {
  return readUser(JSON.stringify(user));
}

describe('instanceRoot', () => {
  it.each([
    '',
    '/',
    '/api',
    '/api/',
    '/api/scim/v2',
    '/api/scim/v2/',
    '/scim/v2',
    '/api/scim/v2/Users',
    '/api/v1',
  ])('takes the URL ending in %j', (end) =>
    expect(instanceRoot(`https://acme.omniapp.co${end}`)).toBe('https://acme.omniapp.co'),
  );

  it('keeps the path of a vanity host, and what it made itself', () => {
    const root = 'https://bi.example.com/omni';
    expect([instanceRoot(`${root}/api`), instanceRoot(root)]).toEqual([root, root]);
  });
});

describe('userNameFilter', () => {
  it('encodes all of it, the plus sign too', () => {
    expect(userNameFilter('a+b@c.example')).toBe('userName%20eq%20%22a%2Bb%40c.example%22');
  });

  // Text as people have it and as attackers write it.
  const hostile = fc
    .array(
      fc.constantFrom(
        '"',
        '\\',
        '\\"',
        '" or userName pr',
        ' and ',
        '(',
        ')',
        '[',
        ']',
        '\n',
        '%22',
        'é',
        '😀',
      ),
    )
    .map((parts) => parts.join(''));
  const anything = fc.oneof(fc.string({ unit: 'binary' }), hostile);

  it('carries any text unharmed and never ends its own quotes', () => {
    fc.assert(
      fc.property(anything, (userName) => {
        const encoded = userNameFilter(userName);
        expect(encoded).toMatch(/^[A-Za-z0-9%._~-]*$/);
        const filter = new URL(`https://h/?filter=${encoded}`).searchParams.get('filter') ?? '';
        expect(filter.startsWith('userName eq "')).toBe(true);
        // The value of a comparison is a string by the rules of JSON (RFC 7644, section 3.4.2.2).
        expect(JSON.parse(filter.slice('userName eq '.length))).toBe(userName);
      }),
      { numRuns: 100_000 },
    );
  });

  it('is one comparison to another parser of SCIM filters, whatever the value is', () => {
    // That parser doubles every backslash that stands before no quote; a backslash in the value itself confuses it.
    const asItReads = (value: string) => JSON.parse(JSON.stringify(value).replace(/\\(?!")/g, '\\\\'));
    fc.assert(
      fc.property(
        anything.filter((value) => !value.includes('\\')),
        (userName) => {
          const filter = parseScimFilter(decodeURIComponent(userNameFilter(userName)));
          expect(filter).toEqual({ op: 'eq', attrPath: 'userName', compValue: asItReads(userName) });
        },
      ),
      { numRuns: 100_000 },
    );
  });

  it('carries half of a surrogate pair as its escape', () => {
    expect(decodeURIComponent(userNameFilter('a\ud800'))).toBe('userName eq "a\\ud800"');
  });
});

describe('createBody', () => {
  it('names the person and the attributes that have a value', () => {
    const attributes = { region: 'EMEA', old: null, levels: [1, 2] };
    expect(createBody({ userName: 'b@e.example', displayName: 'B', attributes })).toEqual({
      userName: 'b@e.example',
      displayName: 'B',
      [USER_ATTRIBUTES]: { region: 'EMEA', levels: [1, 2] },
    });
  });

  it('leaves the map out where it would be empty', () => {
    const body = createBody({ userName: 'b@e.example', displayName: 'B', attributes: { old: null } });
    expect(body).toEqual({ userName: 'b@e.example', displayName: 'B' });
  });
});

describe('updateBody', () => {
  it('replaces the named fields alone, without a path', () => {
    expect(updateBody({ displayName: 'B', attributes: { region: 'EMEA', old: null } })).toEqual({
      schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
      Operations: [
        { op: 'replace', value: { displayName: 'B' } },
        { op: 'replace', value: { [USER_ATTRIBUTES]: { region: 'EMEA', old: null } } },
      ],
    });
    expect(updateBody({ userName: 'c@e.example', attributes: {} }).Operations).toEqual([
      { op: 'replace', value: { userName: 'c@e.example' } },
    ]);
  });

  it('refuses to change nothing', () => expect(() => updateBody({ attributes: {} })).toThrow(TypeError));
});

describe('activeBody', () => {
  it('names the path', () => {
    expect(activeBody(false).Operations).toEqual([{ op: 'replace', path: 'active', value: false }]);
  });
});

describe('userPath', () => {
  it('lets no id climb out of its place', () =>
    expect(userPath('../../x?y')).toBe('/api/scim/v2/users/..%2F..%2Fx%3Fy'));
});

describe('readUser', () => {
  it('reads the documented answer and leaves the rest', () => {
    const meta = { created: '2024-12-03T23:13:14.109Z', resourceType: 'User' };
    const user = {
      ...BLOB,
      emails: [],
      groups: [],
      schemas: ['x'],
      meta,
      [USER_ATTRIBUTES]: { good_blob: 'yes' },
    };
    const createdAt = Date.UTC(2024, 11, 3, 23, 13, 14, 109);
    expect(read(user)).toEqual({ value: { ...BLOB, createdAt, attributes: { good_blob: 'yes' } } });
  });

  it('reads the guaranteed fields alone, and takes an unusable date for none', () => {
    expect(read(BLOB)).toEqual({ value: BLOB });
    expect(read({ ...BLOB, meta: { created: 'then' }, displayName: null, [USER_ATTRIBUTES]: null })).toEqual({
      value: { ...BLOB, displayName: '' },
    });
    expect(read({ ...BLOB, meta: 'x' })).toEqual({ value: BLOB });
  });

  it.each([
    ['an empty body', ''],
    ['HTML', '<html>blob@example.com'],
    ['malformed JSON', '{"id":"'],
    ['a list', '[]'],
    ['null', 'null'],
    ['no id', JSON.stringify({ ...BLOB, id: undefined })],
    ['an id that is a number', JSON.stringify({ ...BLOB, id: 7 })],
    ['an id that is no UUID', JSON.stringify({ ...BLOB, id: 'blob@example.com' })],
    ['no userName', JSON.stringify({ ...BLOB, userName: undefined })],
    ['active in words', JSON.stringify({ ...BLOB, active: 'blob@example.com' })],
  ])('does not believe %s, and repeats no value', (_what, body) => {
    const result = readUser(body);
    expect(result).toHaveProperty('why');
    expect(JSON.stringify(result)).not.toContain('blob@');
  });

  it('does not believe an answer about another account', () => {
    expect(readUser(JSON.stringify(BLOB), ID.toUpperCase())).toHaveProperty('value');
    expect(readUser(JSON.stringify(BLOB), ID.replace('9', '8'))).toHaveProperty('why');
  });

  it('lets no key of an answer reach a prototype', () => {
    const body = JSON.stringify(BLOB).replace(
      '{',
      `{"__proto__":{"p":1},"${USER_ATTRIBUTES}":{"__proto__":{"p":1},"a":1},`,
    );
    const result = readUser(body);
    expect('value' in result && Object.getPrototypeOf(result.value.attributes)).toBe(Object.prototype);
    expect('value' in result && result.value.attributes?.p).toBeUndefined();
  });
});

describe('readPage', () => {
  it('reads either casing, and none where nobody is there', () => {
    for (const name of ['Resources', 'resources'])
      expect(readPage(JSON.stringify({ totalResults: 1, [name]: [BLOB] }))).toEqual({
        value: { totalResults: 1, users: [BLOB] },
      });
    expect(readPage('{"totalResults":0}')).toEqual({ value: { totalResults: 0, users: [] } });
  });

  it('skips nobody: one user that cannot be read spoils the page', () => {
    expect(readPage(JSON.stringify({ totalResults: 2, Resources: [BLOB, { ...BLOB, id: 1 }] }))).toEqual({
      why: 'missing or of another type: Resources.1.id',
    });
    expect(readPage('{"Resources":[]}')).toHaveProperty('why');
  });
});

describe('readDefinitions', () => {
  it('reads references with their types', () => {
    const record = {
      name: 'region',
      type: 'String',
      multiple_values: true,
      system: false,
      label: 'Region',
      id: 'x',
    };
    expect(
      readDefinitions(
        JSON.stringify({ records: [record, { name: 'omni_user_id', type: 'String', system: true }] }),
      ),
    ).toEqual({
      value: [
        { name: 'region', type: 'String', multiple: true, system: false },
        { name: 'omni_user_id', type: 'String', multiple: false, system: true },
      ],
    });
  });
});
