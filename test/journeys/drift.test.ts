/** What somebody changes in Omni by hand, while a service compares it every few seconds: judged by the sandbox's log. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect } from 'vitest';
import type { DriftList } from '../../ops/drift-view.ts';
import type { Call } from '../../sandbox/calls.ts';
import { ask } from '../ops/serving.ts';
import { it, type Journey, type JourneyOptions, type Process, somePeople } from '../support/journey.ts';
import { endInOrder, listen, until } from '../support/service.ts';
import { expectInStep } from '../support/verdict.ts';

const USERS = '/api/scim/v2/users';
/** Somebody else's key, so that the log tells whose a request is. */
const HAND = 'the-key-of-somebody-else';
const REGION: JourneyOptions = {
  sandbox: { attributes: [{ name: 'region' }] },
  users: 'attributes: { region: office }',
};
const PEOPLE = somePeople(8, { office: 'Berlin' });

/** Everyone in Omni, then a service that reads the directory when asked alone, and compares Omni every two seconds. */
async function comparing(journey: Journey, drift: string): Promise<Serving> {
  expect((await journey.cli('run')).code).toBe(0);
  journey.sandbox.addKey(HAND);
  journey.configure((yaml) =>
    yaml.replace(
      'policy:',
      `schedule: "0 0 1 1 *"\n    verifySchedule: "*/2 * * * * *"\n    drift: ${drift}\n    policy:`,
    ),
  );
  return serve(journey);
}

interface Serving {
  readonly service: Process;
  /** What `GET drift` says. */
  drift(): Promise<DriftList>;
  /** Asks for one person. */
  resync(user: string): Promise<void>;
  /** Waits for a pass that began after this, and for what comes of it. */
  compared(): Promise<DriftList>;
}

async function serve(journey: Journey): Promise<Serving> {
  const service = journey.start('start');
  const url = String((await listen(service)('listening')).url);
  const token = readFileSync(join(journey.folder, 'data', 'server-token'), 'utf8').trim();
  const drift = async () => (await ask(url, '/api/syncs/acme/drift', { token })).json() as DriftList;
  const asking = async () => {
    const { syncs } = (await ask(url, '/api/status', { token })).json() as { syncs: { waiting: number }[] };
    return syncs[0]?.waiting ?? 0;
  };
  return {
    service,
    drift,
    async resync(user) {
      const { status } = await ask(url, '/api/syncs/acme/resync', { method: 'POST', token, body: { user } });
      expect(status).toBe(202);
    },
    async compared() {
      const now = new Date().toISOString();
      await until(async () => ((await drift()).lastPass?.startedAt ?? '') > now);
      await until(async () => (await asking()) === 0);
      return drift();
    },
  };
}

/** Somebody changes an account, or deletes it. */
async function byHand(journey: Journey, email: string, value: object | 'delete'): Promise<void> {
  const { id } = journey.sandbox.state().users.find(({ userName }) => userName === email) ?? {};
  const schemas = ['urn:ietf:params:scim:api:messages:2.0:PatchOp'];
  const body = JSON.stringify({ schemas, Operations: [{ op: 'replace', value }] });
  const headers = { authorization: `Bearer ${HAND}`, 'content-type': 'application/json' };
  const how = value === 'delete' ? { method: 'DELETE', headers } : { method: 'PATCH', headers, body };
  const { ok } = await fetch(`${journey.sandbox.url}${USERS}/${id}`, how);
  expect(ok).toBe(true);
}

const region = (value: string) => ({ 'urn:omni:params:1.0:UserAttribute': { region: value } });
const address = (n: number) => PEOPLE[n]?.email ?? '';

/** One of each kind: a name, an attribute, deactivated, deleted, renamed. Three people are left alone. */
async function meddle(journey: Journey): Promise<void> {
  await byHand(journey, address(0), { displayName: 'By Hand' });
  await byHand(journey, address(1), region('Rome'));
  await byHand(journey, address(2), { active: false });
  await byHand(journey, address(3), 'delete');
  await byHand(journey, address(4), { userName: 'by.hand@example.com' });
}

/** The program's own requests. */
function own(journey: Journey): Call[] {
  return journey.sandbox.calls().filter(({ key }) => key === 'key-1');
}

function writes(journey: Journey): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { method } of own(journey)) if (method !== 'GET') counts[method] = (counts[method] ?? 0) + 1;
  return counts;
}

/** Who is listed with which fields. */
function listed({ people }: DriftList): Record<string, string[]> {
  return Object.fromEntries(
    people.map(({ sourceId, fields }) => [sourceId, fields.map(({ field, mode }) => `${field} ${mode}`)]),
  );
}

const ALL = {
  E0: ['displayName report'],
  E1: ['@region report'],
  E2: ['active report'],
  E3: ['gone report'],
  E4: ['userName report'],
};

describe('drift', () => {
  it.for([
    ['report', {}, ALL],
    ['ignore', {}, {}],
    ['{ displayName: repair, userName: repair, region: repair }', { PATCH: 3 }, { E2: ALL.E2, E3: ALL.E3 }],
    ['repair', { PATCH: 4, POST: 1 }, {}],
  ] as const)(
    'under %s is said and set back so, and nothing beside it',
    async ([drift, written, left], { install }) => {
      const journey = await install(PEOPLE, REGION);
      const { compared, drift: now, service } = await comparing(journey, drift);
      journey.sandbox.clearCalls();
      await meddle(journey);
      await compared();
      await until(async () => isDeepStrictEqual(listed(await now()), left));
      // What a pass handed over is written by then; another one finds no more, and nothing is written twice.
      expect(listed(await compared())).toEqual(left);
      expect(writes(journey)).toEqual(written);
      if (drift === 'repair') {
        expectInStep(journey.sandbox, PEOPLE);
        expect(journey.sandbox.state().users.every(({ attributes }) => attributes.region === 'Berlin')).toBe(
          true,
        );
      }
      const said = Object.keys(left).length;
      const status = await journey.cli('status');
      expect(status.stdout.includes(`${said} accounts were changed in Omni by hand`)).toBe(said > 0);
      const { stdout } = await journey.cli('drift');
      for (const [who, [field = '']] of Object.entries(left)) {
        expect(stdout).toMatch(new RegExp(`${who} .*${field.split(' ')[0]} \\(reported alone`));
      }
      await endInOrder(service);
    },
  );
});

const isList = ({ route }: Call) => route === USERS;

describe('a verify pass', () => {
  it('costs the list pages and the rolling reads, within a tenth of the budget', async ({ install }) => {
    const people = somePeople(230, { office: 'Berlin' });
    const journey = await install(people, REGION);
    const { service, drift } = await comparing(journey, 'report');
    const before = own(journey).findLastIndex(({ method }) => method !== 'GET') + 1;
    await until(async () => (await drift()).lastPass !== null);
    const { lastPass, share } = await drift();
    const calls = own(journey).slice(before, before + (lastPass?.calls ?? 0));
    expect(calls.map(isList)).toEqual(calls.map((_, i) => i < 3));
    const read = calls.length - 3;
    // A hundred, and the rest of the last bucket.
    expect(read).toBeGreaterThanOrEqual(100);
    expect(read).toBeLessThan(110);
    // A second is spared for what came late.
    const minutes = ((calls.at(-1)?.at ?? 0) - (calls[0]?.at ?? 0) + 1_000) / 60_000;
    expect((calls.length - 1) / minutes).toBeLessThanOrEqual(6_000 * share);
    expect(
      own(journey)
        .slice(before)
        .every(({ method }) => method === 'GET'),
    ).toBe(true);
    await endInOrder(service);
  });

  it('is overtaken by one person asked for, and killed midway harms nothing', async ({ install }) => {
    // Of 300 requests a minute one each two seconds is for passes: this one lasts eighteen.
    const journey = await install(PEOPLE, { ...REGION, requestsPerMinute: 300 });
    const { service, resync } = await comparing(journey, 'repair');
    await byHand(journey, address(0), { displayName: 'By Hand' });
    const { seq } = journey.sandbox.calls().at(-1) ?? { seq: 0 };
    const since = () => own(journey).filter((call) => call.seq > seq);
    /** Requests of the pass that began after the change. */
    const pass = () => since().slice(since().findIndex((call) => call.method === 'GET' && isList(call)));
    await until(() => since().some(isList) && pass().length >= 3);
    journey.people(PEOPLE.map((one, n) => (n === 7 ? { ...one, name: 'New Name' } : one)));
    const asked = pass().length;
    await resync('E7');
    const sent = () => pass().findIndex(({ method }) => method === 'PATCH');
    await until(() => sent() > 0);
    // Of nine: two of the pass's slots at most, while the person was looked up in the directory.
    expect(sent() - asked).toBeLessThanOrEqual(2);
    await until(() => pass().length > sent() + 1);
    service.child.kill('SIGKILL');
    await service.ended;
    expect(pass().length).toBeLessThan(10);
    expect(pass().filter(({ method }) => method !== 'GET')).toHaveLength(1);
    const again = await serve(journey);
    await again.compared();
    await until(async () => (await again.drift()).people.length === 0);
    expect(pass().filter(({ method }) => method !== 'GET')).toHaveLength(2);
    expectInStep(
      journey.sandbox,
      PEOPLE.map((one, n) => (n === 7 ? { ...one, name: 'New Name' } : one)),
    );
    await endInOrder(again.service);
  });
});
