import fc from 'fast-check';
import { AndFilter, BerReader, BerWriter, EqualityFilter, type Filter, FilterParser, OrFilter } from 'ldapts';
import { describe, expect, it } from 'vitest';
import { escapeFilter } from '../../directory/ldap-escape.ts';
import { equalWithin, parseFilter } from '../../directory/ldap-filter.ts';

/** What a server would understand: the filter written to the wire and read again. */
function asSeenByServer(filter: Filter): Filter {
  const writer = new BerWriter();
  filter.write(writer);
  return FilterParser.parse(new BerReader(writer.buffer));
}

function textOf(filter: Filter | undefined): unknown {
  return filter instanceof EqualityFilter ? filter.value : undefined;
}

// Text as people have it and as attackers write it. Lone surrogates have no UTF-8.
const text = fc
  .oneof(
    fc.string({ unit: 'binary' }),
    fc
      .array(fc.constantFrom('(', ')', '*', '\\', '\0', '&', '|', '!', '=', '\\2a', 'uid', 'é', '😀'), {
        maxLength: 12,
      })
      .map((parts) => parts.join('')),
  )
  .filter((value) => !/\p{Cs}/u.test(value));

describe('escapeFilter', () => {
  it('gives any text back as one value and nothing else', () => {
    fc.assert(
      fc.property(text, (value) => {
        const filter = asSeenByServer(parseFilter(`(|(cn=${escapeFilter(value)})(uid=x))`));
        expect(filter).toBeInstanceOf(OrFilter);
        const parts = filter instanceof OrFilter ? filter.filters : [];
        expect(parts).toHaveLength(2);
        expect(textOf(parts[0])).toBe(value);
        expect(textOf(parts[1])).toBe('x');
      }),
      { numRuns: 100_000 },
    );
  });

  it('escapes just what RFC 4515 reserves', () => {
    expect(escapeFilter('a(b)*c\\d\0é')).toBe(String.raw`a\28b\29\2ac\5cd\00é`);
  });
});

describe('equalWithin', () => {
  it('keeps its shape whatever the value is', () => {
    const base = parseFilter('(employeeType=active)');
    fc.assert(
      fc.property(text, (value) => {
        const filter = asSeenByServer(equalWithin(base, 'mail', value));
        expect(filter).toBeInstanceOf(AndFilter);
        const parts = filter instanceof AndFilter ? filter.filters : [];
        expect(parts.map(textOf)).toEqual(['active', value]);
      }),
      { numRuns: 100_000 },
    );
  });
});

describe('parseFilter', () => {
  it.each([
    [String.raw`(cn=M\c3\bcller)`, 'Müller'],
    [String.raw`(cn=\f0\9f\98\80)`, '😀'],
    [String.raw`(cn=\28\29\2a\5c)`, '()*\\'],
    [String.raw`(cn=\5c2a)`, '\\2a'],
    ['(cn=Müller)', 'Müller'],
    ['cn=bare', 'bare'],
    [' (cn=blanks) ', 'blanks'],
  ])('understands %s', (filter, value) => {
    expect(textOf(asSeenByServer(parseFilter(filter)))).toBe(value);
  });

  it('understands the matching rules of Active Directory', () => {
    const filter = '(&(objectClass=user)(!(userAccountControl:1.2.840.113556.1.4.803:=2)))';
    expect(parseFilter(filter).toString()).toBe(filter);
  });

  it('never lets anything but a config error out', () => {
    fc.assert(
      fc.property(text, (value) => {
        try {
          parseFilter(value);
        } catch (error) {
          expect(error).toMatchObject({ kind: 'config', code: 'ldap.filter' });
        }
      }),
      { numRuns: 20_000 },
    );
  });
});
