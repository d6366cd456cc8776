/** A bare paged search of ldapts for the same fields, in pages of the same size (B9). */
import { Client } from 'ldapts';

const [url = '', bindDn = '', bindPassword = '', baseDn = ''] = process.argv.slice(2);
const client = new Client({ url });
await client.bind(bindDn, bindPassword);
let count = 0;
const search = client.searchPaginated(baseDn, {
  scope: 'sub',
  filter: '(objectClass=inetOrgPerson)',
  attributes: ['employeeNumber', 'mail', 'cn', 'departmentNumber', 'employeeType'],
  paged: { pageSize: 500 },
});
for await (const { searchEntries } of search) count += searchEntries.length;
await client.unbind();
console.log(count);
