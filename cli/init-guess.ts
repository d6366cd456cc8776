/** What the fields of a directory probably mean: proposals for `omni-sync init`, which the operator answers to. Pure. */
import type { DirectoryRecord } from '../model/person.ts';

/** Expressions as the section `users` holds them; an empty text is no proposal. */
export interface UsersGuess {
  readonly id: string;
  readonly userName: string;
  readonly displayName: string;
  readonly active: string;
}

/** Names in the order in which they are looked for, without case, `_`, `-` and spaces. */
const IDS = ['objectguid', 'entryuuid', 'employeeid', 'employeenumber', 'personid', 'userid', 'id', 'uuid'];
const USER_NAMES = ['email', 'mail', 'workemail', 'emailaddress', 'userprincipalname', 'username'];
const DISPLAY_NAMES = ['displayname', 'fullname', 'name', 'cn'];
const FIRST_NAMES = ['firstname', 'givenname'];
const LAST_NAMES = ['lastname', 'surname', 'familyname', 'sn'];
const STATES = ['status', 'state', 'employmentstatus', 'active', 'enabled'];

/** Looks at the fields that the first records of a directory have. */
export function guessUsers(records: readonly DirectoryRecord[]): UsersGuess {
  const fields = [...new Set(records.flatMap((record) => Object.keys(record)))];
  const find = (names: readonly string[]) =>
    names.map((name) => fields.find((field) => plain(field) === name)).find((field) => field !== undefined);
  const named = (names: readonly string[]) => fieldExpression(find(names));
  const first = find(FIRST_NAMES);
  const last = find(LAST_NAMES);
  const both =
    first === undefined || last === undefined
      ? ''
      : `${fieldExpression(first)} + " " + ${fieldExpression(last)}`;
  return {
    id: named(IDS),
    userName: named(USER_NAMES),
    displayName: named(DISPLAY_NAMES) || both,
    active: fields.includes('accountDisabled') ? '!accountDisabled' : activeGuess(find(STATES), records),
  };
}

function activeGuess(field: string | undefined, records: readonly DirectoryRecord[]): string {
  if (field === undefined) return '';
  const values = records.map((record) => record[field]);
  if (values.some((value) => typeof value === 'boolean')) return fieldExpression(field);
  const active = values.find((value) => typeof value === 'string' && /^(active|true|yes|1)$/i.test(value));
  return active === undefined ? '' : `${fieldExpression(field)} == ${JSON.stringify(active)}`;
}

function plain(field: string): string {
  return field.toLowerCase().replace(/[\s_-]/g, '');
}

/** A field as an expression reads it. */
function fieldExpression(field: string | undefined): string {
  if (field === undefined) return '';
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(field) ? field : `record[${JSON.stringify(field)}]`;
}
