import {
  array,
  assert,
  boolean,
  constant,
  constantFrom,
  integer,
  property,
  record,
  string,
  uint8Array,
  uniqueArray,
  uuid,
} from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Link } from '../../model/link.ts';
import { endLine, headLine, linkLine, readLine } from '../../plan/link-file.ts';

const HEAD = { sync: 'acme', omniHost: 'acme.omniapp.co', directory: 'file people.csv', idExpression: 'id' };
const digest = uint8Array({ minLength: 5, maxLength: 5 }).map((bytes) =>
  Buffer.from(bytes).toString('latin1'),
);
const link = record({
  sourceId: string({ unit: 'binary', minLength: 1, maxLength: 60 }),
  omniId: uuid(),
  userName: string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
  provenance: constantFrom('created' as const, 'adopted' as const),
  state: constantFrom('active' as const, 'deactivated' as const),
  since: integer({ min: 0, max: 2 ** 32 - 1 }),
  protected: boolean(),
  confirmed: uniqueArray(digest, { maxLength: 8 }).map((digests) => new Set(digests)),
});

const faultOf = (line: string) => {
  const read = readLine(line);
  return read.kind === 'fault' ? read.fault : read.kind;
};

describe('readLine', () => {
  it('reads what linkLine, headLine and endLine wrote', () => {
    expect(readLine(headLine(HEAD))).toEqual({ kind: 'head', head: HEAD });
    expect(readLine(endLine(3))).toEqual({ kind: 'end', links: 3 });
    assert(
      property(link, boolean(), boolean(), (one, kept, unreviewed) => {
        const carried = { link: { ...one, ...(unreviewed && { unreviewed }) } satisfies Link, kept };
        const line = linkLine(carried);
        expect(line.indexOf('\n')).toBe(line.length - 1);
        expect(readLine(line)).toEqual({ kind: 'link', carried });
      }),
    );
  });

  it('takes a line with the three names alone, as an account that was adopted', () => {
    const names = { sourceId: 'E1', omniId: '0F000000-0000-4000-8000-000000000001', userName: 'a@b.example' };
    expect(readLine(JSON.stringify(names))).toEqual({
      kind: 'link',
      carried: {
        kept: false,
        link: {
          ...names,
          omniId: names.omniId.toLowerCase(),
          provenance: 'adopted',
          state: 'active',
          since: 0,
          protected: false,
          confirmed: new Set(),
        },
      },
    });
  });

  it('never throws, whatever a line says', () => {
    assert(property(string(), (text) => readLine(text) !== undefined));
    assert(property(array(constant('{')), (text) => readLine(text.join('')).kind === 'fault'));
  });

  it('names the field that is wrong, and not what stands in it', () => {
    const good = {
      sourceId: 'E1',
      omniId: '0f000000-0000-4000-8000-000000000001',
      userName: 'ada@b.example',
    };
    const wrong: readonly [object, string][] = [
      [{ ...good, omniId: 'ada' }, 'omniId'],
      [{ ...good, sourceId: 'é'.repeat(128) }, 'sourceId'],
      [{ ...good, sourceId: '' }, 'sourceId'],
      [{ ...good, confirmed: 'YQ==' }, 'confirmed'],
      [{ ...good, state: 'gone' }, 'state'],
      [{ ...good, since: -1 }, 'since'],
      [{ ...good, usrName: 'ada@b.example' }, 'usrName'],
      [{ end: true, links: 'ada' }, 'links'],
    ];
    for (const [line, field] of wrong) {
      const fault = faultOf(JSON.stringify(line));
      expect(fault).toContain(field);
      expect(fault).not.toContain('ada');
    }
    expect(faultOf(headLine(HEAD).replace('"version":1', '"version":2'))).toContain('form is 2');
  });
});
