/** Filters, by form and by what they find; never more of the grammar than Omni documents. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseFilter, passes } from '../../sandbox/filter.ts';
import { aUser, opened, USERS } from './client.ts';

const BY_USER_NAME = { attribute: 'userName', operators: ['eq', 'co'] } as const;

describe('parseFilter', () => {
  it('gives back any quoted text, in lower case', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const filter = parseFilter(`userName eq ${JSON.stringify(text)}`, BY_USER_NAME);
        expect(filter).toEqual({ operator: 'eq', value: text.toLowerCase() });
        expect(passes(filter, text)).toBe(true);
      }),
    );
  });

  it.each([
    'userName eq ada@example.com',
    "userName eq 'ada@example.com'",
    'userName sw "ada"',
    'displayName eq "Ada"',
    'userName eq "a" or userName eq "b"',
    'userName eq "a',
    'userName eq "\\x"',
    'userName',
    '',
  ])('refuses %s', (text) => {
    expect(() => parseFilter(text, BY_USER_NAME)).toThrow(/^filter: /);
  });
});

describe('GET users with a filter', () => {
  const found = async (filter: string) => {
    const { sandbox, ask } = await opened();
    sandbox.seed([aUser('Ada+x@example.com'), aUser('bob@example.com'), aUser('adam@example.org')]);
    const { body } = await ask('GET', `${USERS}?filter=${encodeURIComponent(filter)}`);
    return body.Resources.map((user: { userName: string }) => user.userName);
  };

  it('finds one by eq, without case', async () => {
    expect(await found('USERNAME Eq "ada+X@EXAMPLE.com"')).toEqual(['Ada+x@example.com']);
  });

  it('finds nobody by a part with eq', async () => {
    expect(await found('userName eq "ada"')).toEqual([]);
  });

  it('finds several by co', async () => {
    expect(await found('userName co "ADA"')).toEqual(['Ada+x@example.com', 'adam@example.org']);
  });

  it('takes an unencoded plus for a space, as servers do', async () => {
    const { sandbox, ask } = await opened();
    sandbox.seed([aUser('ada+x@example.com')]);
    const { body } = await ask('GET', `${USERS}?filter=userName%20eq%20%22ada+x@example.com%22`);
    expect(body.totalResults).toBe(0);
  });

  it('answers 400 to a filter that it does not know', async () => {
    const { ask } = await opened();
    const { status, body } = await ask('GET', `${USERS}?filter=active%20eq%20true`);
    expect([status, body.message]).toEqual([400, expect.stringMatching(/^filter: /)]);
  });
});
