/** A plan that is kept in a file and carried out later, and a plan for an edited configuration, by the program itself. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { it, type Journey, somePeople } from '../support/journey.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { listen } from '../support/service.ts';

const PEOPLE = somePeople(20);

interface Row {
  readonly sourceId: string;
  readonly kind: string;
  readonly why: string;
}

interface Planned {
  readonly changes: readonly { sourceId: string; kind: string; fields: object; old?: object }[];
  readonly leavers: readonly { sourceId: string; stage: string; reason: string | null }[];
  readonly rebinds: string | null;
}

async function planOf(journey: Journey, ...args: string[]): Promise<Planned> {
  const { code, stdout, stderr } = await journey.cli('plan', '--json', ...args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const [plan] = (JSON.parse(stdout) as { syncs: Planned[] }).syncs;
  if (plan === undefined) throw new Error('no sync');
  return plan;
}

/** The configuration with another text in it, beside the one in use. */
function edited(journey: Journey, from: string, to: string): string {
  const file = join(journey.folder, 'new.yaml');
  writeFileSync(file, readFileSync(journey.configFile, 'utf8').replace(from, to), { mode: 0o600 });
  return file;
}

/** All that a Redis holds, but the clocks of budgets, and what BullMQ lets expire within seconds. */
async function everything(server: TestRedis): Promise<Record<string, string | undefined>> {
  const client = server.client();
  const keys = (await client.keys('*')).filter((key) => !/^{omni-budget:|:stalled-check$/.test(key)).sort();
  const dumps = await Promise.all(keys.map((key) => client.dumpBuffer(key)));
  client.disconnect();
  return Object.fromEntries(keys.map((key, i) => [key, dumps[i]?.toString('base64')]));
}

const patched = (journey: Journey) =>
  journey.sandbox.calls().filter(({ method }) => method === 'PATCH').length;

describe.concurrent('run --plan', () => {
  it('carries out the unchanged rows alone after the directory changed', async ({ install }) => {
    const journey = await install(PEOPLE);
    expect((await journey.cli('run')).code).toBe(0);
    const file = join(journey.folder, 'plan.json');
    const changed = PEOPLE.map((one, i) => (i < 3 ? { ...one, name: `Planned ${i}` } : one));
    journey.people([...changed, ...somePeople(22).slice(20)]);
    expect((await journey.cli('plan', '--out', file)).code).toBe(0);
    expect(statSync(file).mode & 0o777).toBe(0o600);

    // One is changed again, one is back as they were, one new hire is gone, another one is there.
    const later = changed.map((one, i) => (i === 1 ? { ...one, name: 'Later' } : one));
    journey.people([...later.slice(0, 2), ...somePeople(21).slice(2), ...somePeople(23).slice(22)]);
    const { code, stdout } = await journey.cli('run', '--plan', file, '--json');
    expect(code).toBe(1);
    const [{ plan }] = JSON.parse(stdout).syncs;
    expect(plan).toMatchObject({ planned: 5, inOmni: 2, failed: [] });
    expect(plan.left.map(({ sourceId }: Row) => sourceId).sort()).toEqual(['E1', 'E2', 'E21']);
    expect(plan.notInPlan).toMatchObject([{ sourceId: 'E22', kind: 'create' }]);
    const names = journey.sandbox.state().users.map(({ displayName }) => displayName);
    expect(names).toContain('Planned 0');
    expect(names).toContain('Person Number 20');
    for (const name of ['Planned 1', 'Later', 'Planned 2', 'Person Number 21', 'Person Number 22'])
      expect(names).not.toContain(name);

    const told = await journey.cli('run', '--plan', file);
    expect(told.code).toBe(1);
    expect(told.stdout).toContain('acme: 2 of 5 planned changes are in Omni, 2 of them before this run');
    expect(told.stdout).toMatch(/left: update E1 .*: what the directory says of this person has changed/);
    expect(told.stdout).toContain('not in the plan: create E22 person.22@example.com');
    expect(told.stdout).toContain('a service beside this command goes on with its own work');
  });

  it('ends with 0 where every row is in Omni, and beside a service too', async ({ install }) => {
    const journey = await install(PEOPLE);
    expect((await journey.cli('run')).code).toBe(0);
    const file = join(journey.folder, 'plan.json');
    journey.people(PEOPLE.map((one) => ({ ...one, name: `${one.name}!` })));
    await journey.cli('plan', '--out', file);
    const service = journey.start('start', '--role', 'worker');
    await listen(service)('started');
    const ran = await journey.cli('run', '--plan', file);
    expect(ran.code).toBe(0);
    expect(ran.stdout).toContain('20 of 20 planned changes are in Omni');
    expect(patched(journey)).toBe(20);
    service.child.kill('SIGTERM');
    expect((await service.ended).code).toBe(0);
  });

  it('refuses a file that was edited, is missing, or is about another sync', async ({ install }) => {
    const journey = await install(PEOPLE);
    const file = join(journey.folder, 'plan.json');
    await journey.cli('plan', '--out', file);
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replace('person.1@', 'person.one@'));
    const refused = await journey.cli('run', '--plan', file);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('it was changed after it was made; make a new one with');
    writeFileSync(file, text);
    expect(
      (await journey.cli('run', '--plan', file, '--config', edited(journey, 'acme', 'other'))).stderr,
    ).toContain('the plan file is about the syncs acme');
    const missing = await journey.cli('run', '--plan', join(journey.folder, 'nowhere.json'));
    expect(missing.code).toBe(2);
    expect(missing.stderr).toContain('ENOENT');
    expect(journey.sandbox.state().users).toEqual([]);
  });

  it('shows old and new values side by side, and says first what that costs', async ({ install }) => {
    const journey = await install(PEOPLE);
    await journey.cli('run');
    journey.people([
      { ...PEOPLE[0], id: 'E0', email: 'person.0@example.com', name: 'New' },
      ...PEOPLE.slice(1),
    ]);
    const { stdout, stderr } = await journey.cli('plan', '--old');
    expect(stderr).toContain('reading old values: 1 request to Omni, about 1 s');
    expect(stdout).toContain('displayName: "Person Number 0" → "New"');
    expect(stdout).toContain('a run: 1 request to Omni, about 1 s; this plan has made 1 of its own');
  });
});

describe('plan', () => {
  it('shows an edited configuration against the ledger in use, and writes nothing to Redis', async ({
    install,
  }) => {
    const server = await startRedis();
    try {
      const journey = await install(PEOPLE);
      journey.configure((yaml) => `redis: { url: ${server.path} }\n${yaml.replace('upsert', 'full')}`);
      const fresh = await planOf(journey);
      expect(fresh.changes).toHaveLength(20);
      expect(await everything(server)).toEqual({});
      await journey.cli('run');
      const before = await everything(server);

      const otherId = edited(journey, 'id: id', 'id: email');
      const relinks = await planOf(journey, '--config', otherId);
      expect(relinks.rebinds).toBe('users.id was id and is email');
      expect(new Set(relinks.changes.map(({ kind }) => kind))).toEqual(new Set(['withhold']));
      expect(relinks.changes).toHaveLength(20);
      expect((await journey.cli('plan', '--config', otherId)).stdout).toContain(
        'A run refuses this without --rebind',
      );

      const narrow = edited(journey, 'id: id', 'id: id\n      where: name == "Person Number 1"');
      const held = await planOf(journey, '--config', narrow);
      expect(held.changes).toEqual([]);
      expect(held.leavers).toHaveLength(19);
      expect(held.leavers[0]).toMatchObject({
        stage: 'held',
        reason: expect.stringContaining('19 people left'),
      });

      const mapped = edited(journey, 'displayName: name', 'displayName: name + "!"');
      expect((await planOf(journey, '--config', mapped)).changes).toHaveLength(20);
      const otherOmni = edited(
        journey,
        `127.0.0.1:${new URL(journey.sandbox.url).port}`,
        `localhost:${new URL(journey.sandbox.url).port}`,
      );
      const elsewhere = await planOf(journey, '--config', otherOmni);
      expect(elsewhere.rebinds).toMatch(/Omni was .* and is localhost/);
      expect(new Set(elsewhere.changes.map(({ kind }) => kind))).toEqual(new Set(['adopt']));

      expect(await everything(server)).toEqual(before);
    } finally {
      await server.stop();
    }
  });
});
