import { describe, expect, it } from 'vitest';
import type { DirectoryPage } from '../../directory/directory.ts';
import { recordName } from '../../model/change.ts';
import { compileMapping } from '../../plan/map.ts';
import { mapPage } from '../../worker/map-page.ts';
import { person } from '../support/people.ts';

const mapping = compileMapping({ id: 'id', userName: 'email', displayName: 'name' });
const RECORDS = [person(1), person(2, { id: null }), person(3, { email: 'nonsense' })];

const names = (page: DirectoryPage) =>
  mapPage(page, mapping).map((mapped) =>
    mapped.verdict === 'rejected' ? recordName(mapped.rejection) : mapped.sourceId,
  );

describe('mapPage', () => {
  it('says where a rejected record stands', () => {
    const page = Object.assign([...RECORDS], { placeOf: (index: number) => `line ${index + 2}` });
    expect(names(page)).toEqual(['E1', 'a record without an id (line 3)', 'E3 (line 4)']);
  });

  it('says no place where the directory has none', () => {
    expect(names(RECORDS)).toEqual(['E1', 'a record without an id', 'E3']);
  });
});
