import { describe, expect, it } from 'vitest';
import { guessUsers } from '../../cli/init-guess.ts';
import { compileMapping } from '../../plan/map.ts';

describe('guessUsers', () => {
  it.each([
    [
      { employee_id: 'H1', first_name: 'Jo', last_name: 'Li', email: 'jo@x.com', status: 'active' },
      {
        id: 'employee_id',
        userName: 'email',
        displayName: 'first_name + " " + last_name',
        active: 'status == "active"',
      },
    ],
    [
      { entryUUID: 'u', mail: 'jo@x.com', cn: 'Jo Li', sn: 'Li' },
      { id: 'entryUUID', userName: 'mail', displayName: 'cn', active: '' },
    ],
    [
      {
        objectGUID: 'g',
        mail: 'jo@x.com',
        displayName: 'Jo',
        userAccountControl: 512,
        accountDisabled: false,
      },
      { id: 'objectGUID', userName: 'mail', displayName: 'displayName', active: '!accountDisabled' },
    ],
    [
      { 'Employee ID': '1', 'E-Mail': 'jo@x.com', 'Full Name': 'Jo', Active: true },
      {
        id: 'record["Employee ID"]',
        userName: 'record["E-Mail"]',
        displayName: 'record["Full Name"]',
        active: 'Active',
      },
    ],
    [{ shoe_size: 41 }, { id: '', userName: '', displayName: '', active: '' }],
  ])('proposes what the fields of %o probably mean', (record, expected) => {
    expect(guessUsers([record])).toEqual(expected);
  });

  it('proposes what compiles and maps the record it was made from', () => {
    const record = {
      'Employee ID': '1',
      'E-Mail': 'jo@x.com',
      'Given Name': 'Jo',
      Surname: 'Li',
      State: 'Yes',
    };
    const mapped = compileMapping(guessUsers([record])).map(record);
    expect(mapped).toMatchObject({
      verdict: 'inScope',
      desired: { sourceId: '1', userName: 'jo@x.com', displayName: 'Jo Li' },
    });
  });

  it('looks at later records where the first ones lack a value', () => {
    const records = [
      { id: 1, status: 'left' },
      { id: 2, status: 'Active' },
    ];
    expect(guessUsers(records).active).toBe('status == "Active"');
  });
});
