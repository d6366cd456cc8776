import { describe, expect, it } from 'vitest';
import { compileMapping } from '../../plan/map.ts';

const mapping = compileMapping({
  id: 'id',
  userName: 'email',
  displayName: 'first + " " + last',
  active: 'status == "active"',
  where: 'office != "Paris" && office != null',
  attributes: { region: 'office', level: 'size(groups)' },
  protect: ['E7'],
});

const ANN = { id: 'E1', email: 'ann@acme.example', first: 'Ann', last: 'Lee', status: 'active' };

describe('mappingStory', () => {
  it('tells each field with its expression and value', () => {
    const story = mapping.story({ ...ANN, office: 'Berlin', groups: ['a', 'b'] });
    expect(story).toMatchObject({ verdict: 'inScope', protected: false, active: { value: true } });
    expect(story.fields).toEqual([
      { field: 'id', source: 'id', value: 'E1' },
      { field: 'userName', source: 'email', value: 'ann@acme.example' },
      { field: 'displayName', source: 'first + " " + last', value: 'Ann Lee' },
      { field: '@level', source: 'size(groups)', value: 2 },
      { field: '@region', source: 'office', value: 'Berlin' },
    ]);
  });

  it('shows which clause of the scope says no', () => {
    const { verdict, where } = mapping.story({ ...ANN, office: 'Paris', groups: [] });
    expect(verdict).toBe('outOfScope');
    expect(where?.parts.map(({ source, value }) => [source, value])).toEqual([
      ['office != "Paris"', false],
      ['office != null', true],
    ]);
  });

  it('tells why a record is rejected, and of the field that is to blame', () => {
    const story = mapping.story({ ...ANN, email: 'no address', office: 'Berlin', groups: [] });
    expect(story).toMatchObject({ verdict: 'rejected', rejection: { code: 'record.bad-user-name' } });
    expect(story.fields.filter(({ refusal }) => refusal !== undefined).map(({ field }) => field)).toEqual([
      'userName',
    ]);
  });

  it('knows who is protected by name', () => {
    expect(mapping.story({ ...ANN, id: 'E7', office: 'Berlin', groups: [] }).protected).toBe(true);
  });
});
