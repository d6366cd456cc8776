/** Reads a directory of people over LDAP as a reconcile does, and says how many there were (B9). */
import { openDirectory } from '../directory/select.ts';

const [url = '', bindDn = '', bindPassword = '', baseDn = ''] = process.argv.slice(2);
const directory = openDirectory({
  type: 'ldap',
  url,
  bindDn,
  bindPassword,
  baseDn,
  filter: '(objectClass=inetOrgPerson)',
  fields: ['employeeNumber', 'mail', 'cn', 'departmentNumber', 'employeeType'],
});
let count = 0;
for await (const page of directory.pages()) count += page.length;
console.log(count);
