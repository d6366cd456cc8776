/** What a user would write instead: each night look up each person and post or patch them, then take away who is gone (B10). */
import { readFileSync } from 'node:fs';
import { Agent } from 'node:http';
import axios from 'axios';
import pLimit from 'p-limit';

const [url = '', key = '', file = ''] = process.argv.slice(2);
const headers = { authorization: `Bearer ${key}` };
const httpAgent = new Agent({ keepAlive: true });
const omni = axios.create({ baseURL: `${url}/api/scim/v2`, headers, httpAgent });
const limit = pLimit(8);
const lines = readFileSync(file, 'utf8').trim().split('\n');
const people: { email: string; name: string }[] = lines.map((line) => JSON.parse(line));
const PATCH = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
let failed = 0;

async function put({ email, name }: { email: string; name: string }): Promise<void> {
  const { data } = await omni.get('/users', { params: { filter: `userName eq "${email}"` } });
  const [account] = data.Resources;
  const value = { userName: email, displayName: name };
  if (account === undefined) await omni.post('/users', value);
  else await omni.patch(`/users/${account.id}`, patch(value));
}

const patch = (value: unknown, path?: string) => ({
  schemas: [PATCH],
  Operations: [{ op: 'replace', path, value }],
});

const tried = (work: Promise<unknown>) => work.catch(() => failed++);
await Promise.all(people.map((person) => limit(() => tried(put(person)))));
const wanted = new Set(people.map(({ email }) => email));
for (let startIndex = 1, total = 1; failed === 0 && startIndex <= total; startIndex += 100) {
  const { data } = await omni.get('/users', { params: { startIndex, count: 100 } });
  total = data.totalResults;
  for (const { id, userName, active } of data.Resources)
    if (active !== false && !wanted.has(userName))
      await tried(omni.patch(`/users/${id}`, patch(false, 'active')));
}
process.exitCode = failed === 0 ? 0 : 1;
