/** Holds the sandbox's answers to the vendor's document: a walk over every operation and every status that it has. */
import { describe, expect, it } from 'vitest';
import { DEFAULTS } from '../../sandbox/settings.ts';
import { type Answer, ATTRIBUTES, aUser, NOBODY, opened, patch } from './client.ts';
import { document, present, title, wrongBy } from './vendor.ts';

const MODEL = DEFAULTS.models[0] ?? { id: '', connectionId: '' };

/** Every operation and status of the document, as `GET /api/… 200`. */
const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).flatMap(([method, { responses }]) =>
    Object.keys(responses).map((status) => `${method.toUpperCase()} ${path} ${status}`),
  ),
);

/** What is wrong with an answer by the document; undefined: nothing. */
function faultsOf(method: string, path: string, answer: Answer): string | undefined {
  const response = document.paths[path]?.[method]?.responses[String(answer.status)];
  if (response === undefined) return 'status not documented';
  if (response.content === undefined) return undefined;
  const place = ['paths', path, method, 'responses', String(answer.status)];
  return wrongBy([...place, 'content', 'application/json', 'schema'], answer.body);
}

async function walker() {
  const { sandbox, ask } = await opened({ personalKeys: ['mine'] });
  const walked = new Set<string>();
  /** Asks by a path of the document, checks the answer by it, and gives it back. */
  const step = async (
    method: string,
    path: string,
    more: { id?: string; query?: string; body?: unknown; key?: string } = {},
  ) => {
    const real = path.replace(/\{\w+\}/, more.id ?? '') + (more.query ?? '');
    const answer = await ask(method, real, more.body, more.key === undefined ? {} : { key: more.key });
    expect({ method, path, wrong: faultsOf(method.toLowerCase(), path, answer) }).toEqual({
      method,
      path,
      wrong: undefined,
    });
    walked.add(`${method} ${path} ${answer.status}`);
    return answer;
  };
  return { sandbox, step, walked };
}

type Step = Awaited<ReturnType<typeof walker>>['step'];

async function walkUsers(step: Step): Promise<string> {
  const all = '/api/scim/v2/Users';
  const one = `${all}/{id}`;
  const { id } = (await step('POST', all, { body: aUser('ada@example.com', { teams: ['a'], level: 2 }) }))
    .body;
  await step('POST', all, { body: aUser('ada@example.com') });
  await step('POST', all, { body: { userName: 'ada' } });
  await step('GET', all);
  await step('GET', all, { query: '?count=1&startIndex=2&filter=userName%20co%20%22a%22' });
  await step('GET', one, { id });
  const value = { displayName: 'A', [ATTRIBUTES]: { level: null, region: 'x' } };
  await step('PATCH', one, { id, body: patch({ op: 'replace', value }) });
  await step('PATCH', one, { id, body: patch({ op: 'replace', value: 1 }) });
  await step('PUT', one, { id, body: { userName: 'ada@example.com', active: false } });
  await step('PUT', one, { id, body: { userName: 'ada@example.com' } });
  await step('PUT', one, { id, body: {} });
  return id;
}

async function walkGroups(step: Step, member: string): Promise<string> {
  const all = '/api/scim/v2/Groups';
  const one = `${all}/{miniUuid}`;
  const { id } = (await step('POST', all, { body: { displayName: 'Staff', members: [{ value: member }] } }))
    .body;
  await step('POST', all, { body: { displayName: 'Staff' } });
  await step('POST', all, { body: {} });
  await step('GET', all);
  await step('GET', all, { query: '?excludedAttributes=members&filter=displayName%20eq%20%22staff%22' });
  await step('GET', one, { id });
  await step('PATCH', one, { id, body: patch({ op: 'remove', path: `members[value eq "${member}"]` }) });
  await step('PATCH', one, { id, body: patch({ op: 'remove', path: 'members' }) });
  await step('PUT', one, { id, body: { displayName: 'Crew', members: [{ value: member, display: 'A' }] } });
  await step('PUT', one, { id, body: { displayName: 'Crew' } });
  return id;
}

async function walkRoles(step: Step, user: string, group: string): Promise<void> {
  await step('GET', '/api/v1/user-attributes');
  for (const [path, id] of [
    ['/api/v1/user-groups/{id}/model-roles', group],
    ['/api/v1/users/{id}/model-roles', user],
  ] as const) {
    await step('POST', path, { id, body: { roleName: 'QUERIER', modelId: MODEL.id } });
    await step('POST', path, {
      id,
      body: { roleName: 'CONNECTION_ADMIN', connectionId: MODEL.connectionId },
    });
    await step('POST', path, { id, body: { roleName: 'VIEWER' } });
    await step('POST', path, { id, body: { roleName: 'VIEWER', modelId: NOBODY } });
    await step('GET', path, { id });
    await step('GET', path, { id, query: `?modelId=${MODEL.id}` });
  }
}

/** Bodies that pass every schema, for requests that fail on their id. */
const BODIES: Readonly<Record<string, unknown>> = {
  'PUT /api/scim/v2/Users/{id}': { userName: 'x@example.com' },
  'PATCH /api/scim/v2/Users/{id}': patch({ op: 'replace', path: 'active', value: false }),
  'PUT /api/scim/v2/Groups/{miniUuid}': { displayName: 'x', members: [] },
  'PATCH /api/scim/v2/Groups/{miniUuid}': patch({ op: 'replace', path: 'members', value: [] }),
  'POST /api/v1/users/{id}/model-roles': { roleName: 'VIEWER', modelId: MODEL.id },
  'POST /api/v1/user-groups/{id}/model-roles': { roleName: 'VIEWER', modelId: MODEL.id },
};

async function walkRefusals(step: Step): Promise<void> {
  for (const [, method = '', path = '', status] of documented.map((line) => line.split(/^(\S+) (\S+) /))) {
    const body = BODIES[`${method} ${path}`];
    if (status === '404') await step(method, path, { id: NOBODY, body });
    if (status === '401') await step(method, path, { id: NOBODY, body, key: 'wrong' });
    if (status === '403') await step(method, path, { id: NOBODY, body, key: 'mine' });
  }
}

describe.skipIf(!present)(title, () => {
  it('has every answer of a walk over every route and status', async () => {
    const { sandbox, step, walked } = await walker();
    const [embed = ''] = sandbox.seed([{ userName: 'e@example.com', displayName: 'E', embed: true }]);
    const user = await walkUsers(step);
    const group = await walkGroups(step, user);
    await walkRoles(step, user, group);
    await walkRefusals(step);
    await step('GET', '/api/scim/v2/embed/Users');
    await step('GET', '/api/scim/v2/embed/Users/{id}', { id: embed });
    await step('DELETE', '/api/scim/v2/embed/Users/{id}', { id: embed });
    await step('DELETE', '/api/scim/v2/Users/{id}', { id: user });
    await step('DELETE', '/api/scim/v2/Groups/{miniUuid}', { id: group });
    expect([...walked].sort()).toEqual([...documented].sort());
  });
});
