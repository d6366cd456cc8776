import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createCommitter } from '../../ledger/commit.ts';
import { syncKeys } from '../../ledger/keys.ts';
import { createLinks } from '../../ledger/links.ts';
import { withScripts } from '../../ledger/scripts.ts';
import { addressKey, type DirectoryRecord } from '../../model/person.ts';
import type { KnownAccount } from '../../plan/decide.ts';
import { compileFingerprint, confirmedOf } from '../../plan/fingerprint.ts';
import { compileMapping } from '../../plan/map.ts';
import { type SurveyEnd, type SurveyOptions, survey } from '../../worker/survey.ts';
import type { Verdict } from '../../worker/survey-state.ts';
import { createPeople, crowd, type People, person } from '../support/people.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

const keys = syncKeys('acme');
const mapping = compileMapping({
  id: 'id',
  userName: 'email',
  displayName: 'name',
  active: 'status == "active"',
  where: 'region != "nowhere"',
});
const fingerprint = compileFingerprint({ attributeNames: mapping.attributeNames, updates: true });

let server: TestRedis;
let redis: Redis;
let people: People;

beforeAll(async () => {
  server = await startRedis();
  redis = server.client();
});
afterAll(async () => {
  await server.stop();
});
beforeEach(async () => {
  await redis.flushall();
  people = createPeople();
});

/** Links these people as Omni has confirmed them. */
async function know(records: readonly DirectoryRecord[]): Promise<void> {
  const commits = records.map((record) => {
    const mapped = mapping.map(record);
    if (mapped.verdict !== 'inScope') throw new Error('a known person is in scope');
    const { desired } = mapped;
    const link = {
      sourceId: desired.sourceId,
      omniId: randomUUID(),
      userName: desired.userName,
      provenance: 'created' as const,
      state: 'active' as const,
      since: 0,
      protected: false,
      confirmed: new Set(confirmedOf(desired)),
    };
    const effect = { kind: 'put' as const, link, fingerprint: fingerprint(desired, false) };
    return { ref: '', sourceId: desired.sourceId, version: '', effect, run: 'r', calls: 0 };
  });
  await Promise.all(commits.map(createCommitter(withScripts(redis), keys).commit));
}

interface Surveyed extends SurveyEnd {
  /** What each page brought, and the end: `E1 create`. */
  readonly pages: readonly string[][];
  readonly unwanted: readonly string[];
  readonly all: readonly Verdict[];
}

async function surveyed(options: Partial<SurveyOptions> = {}): Promise<Surveyed> {
  const going = survey({
    directory: people.directory,
    mapping,
    fingerprint,
    links: createLinks(redis, keys),
    rules: { policy: 'upsert', adopt: 'always' },
    accounts: new Map(),
    full: false,
    answer: () => undefined,
    waiting: () => false,
    definitions: undefined,
    watched: () => false,
    consider: async () => ({ relinksAllowed: true }),
    ...options,
  });
  const pages: string[][] = [];
  const unwanted: string[] = [];
  const all: Verdict[] = [];
  for (;;) {
    const next = await going.next();
    if (next.done) return { ...next.value, pages, unwanted, all };
    const { verdicts } = next.value;
    all.push(...verdicts);
    pages.push(verdicts.map(({ sourceId, decision }) => `${sourceId} ${decision.kind}`));
    unwanted.push(...next.value.unwanted.map(({ sourceId, cause }) => `${sourceId} ${cause}`));
  }
}

const rejected = ({ rejections }: SurveyEnd) => rejections.map(({ sourceId, code }) => `${sourceId} ${code}`);
const gone = ({ leavers }: SurveyEnd) => leavers.map(({ link, cause }) => `${link.sourceId} ${cause}`).sort();

describe('survey', () => {
  it('brings changes with their page, and creates and renames at the end', async () => {
    await know(crowd(3));
    people.pages([
      [person(1, { name: 'Changed' }), person(9)],
      [person(2, { email: 'new@acme.example' }), person(3)],
    ]);
    const end = await surveyed();
    expect(end.pages).toEqual([['E1 update'], [], ['E9 create', 'E2 rename']]);
    expect(end).toMatchObject({ complete: true, ended: true, read: 4, inScope: 4, leavers: [] });
    expect(end.changes).toMatchObject({ create: 1, update: 1, rename: 1, adopt: 0 });
  });

  it('adopts by address without case, and withholds the inactive', async () => {
    const account = (id: string, active: boolean): KnownAccount => ({ id, displayName: 'Other', active });
    const accounts = new Map([
      [addressKey('P1@ACME.example'), account('a1', true)],
      [addressKey('p2@acme.example'), account('a2', false)],
    ]);
    people.set(crowd(3));
    const end = await surveyed({ accounts });
    expect(end.pages.at(-1)).toEqual(['E1 adopt', 'E2 withhold', 'E3 create']);
    expect(end.changes).toMatchObject({ create: 1, adopt: 1 });
  });

  it('yields nobody who is unchanged, but those who are waited for and, in full, everyone', async () => {
    await know(crowd(4));
    people.set(crowd(4));
    expect((await surveyed()).all).toEqual([]);
    expect((await surveyed({ waiting: (id) => id === 'E2' })).pages[0]).toEqual(['E2 none']);
    expect((await surveyed({ full: true })).all).toHaveLength(4);
  });

  it('looks nobody up who is unchanged: 16 commands for them all', async () => {
    await know(crowd(500));
    people.pages([crowd(250), crowd(500).slice(250)]);
    await redis.config('RESETSTAT');
    expect((await surveyed()).inScope).toBe(500);
    const info = await redis.info('commandstats');
    const commands = [...info.matchAll(/^cmdstat_(\w+):calls=(\d+)/gm)].map(([, name, n]) => `${name} ${n}`);
    expect(commands.filter((command) => !/^(config|info)/.test(command))).toEqual(['hgetall 16']);
  });

  it('says who is not wanted, where a desired state of theirs waits', async () => {
    people.set([
      person(1, { region: 'nowhere' }),
      person(2, { status: 'left' }),
      person(3, { status: 'left' }),
    ]);
    const end = await surveyed({ waiting: (id) => id !== 'E3' });
    expect(end.unwanted).toEqual(['E1 outOfScope', 'E2 inactive']);
    expect(end.inScope).toBe(0);
  });
});

describe('survey, twins', () => {
  it('rejects two new ones of one id, on one page and on two', async () => {
    const other = person(1, { email: 'other@acme.example' });
    people.set([person(1), other, person(2)]);
    const one = await surveyed();
    people.pages([[person(1)], [person(2), other]]);
    const two = await surveyed();
    for (const end of [one, two]) {
      expect(end.all.map(({ sourceId }) => sourceId)).toEqual(['E2']);
      expect(rejected(end)).toEqual(['E1 record.twin-id']);
      expect(end.inScope).toBe(1);
    }
  });

  it('touches a known person of one id as another neither, where one of the two is unchanged', async () => {
    await know(crowd(2));
    const changed = person(1, { name: 'Someone Else' });
    people.pages([[person(1)], [changed, person(2)]]);
    const first = await surveyed();
    expect(first.all).toEqual([]);
    expect(rejected(first)).toEqual(['E1 record.twin-id']);
    expect(first.leavers).toEqual([]);
    expect(first.inScope).toBe(1);
    for (const page of [
      [person(1), changed, person(2)],
      [changed, person(1), person(2)],
    ]) {
      people.set(page);
      const end = await surveyed();
      expect(end.all).toEqual([]);
      expect(rejected(end)).toEqual(['E1 record.twin-id']);
      expect(end.inScope).toBe(1);
    }
  });

  it('rejects a record that comes twice as it is, and takes its person for present', async () => {
    await know(crowd(1));
    people.set([person(1), person(1), person(1)]);
    const end = await surveyed();
    expect(end).toMatchObject({ all: [], leavers: [], inScope: 0 });
    expect(new Set(rejected(end))).toEqual(new Set(['E1 record.twin-id']));
  });

  it.each([
    ['of scope', { region: 'nowhere' }],
    ['of the active', { status: 'left' }],
  ])('rejects one id that is both in and out %s, whichever comes first', async (_, out) => {
    for (const page of [
      [person(1), person(1, out)],
      [person(1, out), person(1)],
    ]) {
      people.set(page);
      const end = await surveyed();
      expect(end.all).toEqual([]);
      expect(rejected(end)).toEqual(['E1 record.twin-id']);
    }
  });

  it('is no leaver who is both unchanged and out of scope', async () => {
    await know(crowd(1));
    people.set([person(1), person(1, { region: 'nowhere' })]);
    expect((await surveyed()).leavers).toEqual([]);
  });

  it('creates nobody whose second record cannot be mapped', async () => {
    people.pages([[person(1)], [person(1, { email: 'nonsense' })]]);
    const end = await surveyed();
    expect(end.all).toEqual([]);
    expect(end.inScope).toBe(0);
  });

  it('rejects two new ones of one userName, by name', async () => {
    people.pages([[person(1), person(3)], [person(2, { email: 'P1@Acme.example' })]]);
    const end = await surveyed();
    expect(end.all.map(({ sourceId }) => sourceId)).toEqual(['E3']);
    expect(rejected(end)).toEqual(['E1 record.twin-userName', 'E2 record.twin-userName']);
    expect(end).toMatchObject({ inScope: 1 });
    expect(end.changes.create).toBe(1);
  });

  it.each<[string, DirectoryRecord]>([
    ['unchanged', {}],
    ['changed', { name: 'Other' }],
  ])('rejects a new one with the userName of a known person who is %s', async (_, change) => {
    await know(crowd(1));
    people.set([person(1, change), person(2, { email: 'p1@acme.example' })]);
    const end = await surveyed();
    expect(end.all.map(({ sourceId }) => sourceId)).not.toContain('E2');
    expect(rejected(end)).toEqual(['E2 record.twin-userName']);
  });

  it('lets a new one have the userName that a known person gives up', async () => {
    await know(crowd(1));
    people.set([person(1, { email: 'new@acme.example' }), person(2, { email: 'p1@acme.example' })]);
    const end = await surveyed();
    expect(end.pages.at(-1)).toEqual(['E1 rename', 'E2 create']);
    expect(end.rejections).toEqual([]);
  });

  it('handles a page of nothing but twins', async () => {
    people.set([...crowd(50), ...crowd(50, {}).map((one) => ({ ...one, name: 'Twin' }))]);
    const end = await surveyed();
    expect(end.all).toEqual([]);
    expect(end.rejections).toHaveLength(50);
    expect(end.inScope).toBe(0);
  });
});

describe('survey, leavers', () => {
  it('counts the missing after a complete read alone', async () => {
    await know(crowd(3));
    people.set(crowd(2));
    expect(gone(await surveyed())).toEqual(['E3 missing']);
    people.pages([crowd(2)], true);
    const cut = await surveyed();
    expect(cut).toMatchObject({ complete: false, ended: false, leavers: [], problem: 'it was cut off' });
  });

  it('counts the inactive and those out of scope after any read', async () => {
    await know(crowd(4));
    people.pages([[person(1, { status: 'left' }), person(2, { region: 'nowhere' }), person(3)]], true);
    expect(gone(await surveyed())).toEqual(['E1 inactive', 'E2 outOfScope']);
  });

  it('takes a rejected person for present', async () => {
    await know(crowd(2));
    people.set([person(1), person(2, { email: 'nonsense' })]);
    const end = await surveyed();
    expect(end).toMatchObject({ complete: true, leavers: [] });
    expect(rejected(end)).toEqual(['E2 record.bad-user-name']);
  });

  it('does not know who is absent where a record has no id', async () => {
    await know(crowd(3));
    people.set([person(1), person(9), { ...person(2), id: null }]);
    const end = await surveyed();
    expect(end).toMatchObject({ complete: false, ended: true, leavers: [] });
    expect(end.problem).toContain('one record has no usable id');
    expect(end.pages.at(-1)).toEqual(['E9 create']);
  });

  it('counts everyone as missing from an empty directory that ends well', async () => {
    await know(crowd(3));
    people.pages([]);
    expect(await surveyed()).toMatchObject({ read: 0, complete: true });
    expect(gone(await surveyed())).toEqual(['E1 missing', 'E2 missing', 'E3 missing']);
  });

  it('does not take a person for missing who changed', async () => {
    await know(crowd(2));
    people.set([person(1, { name: 'Changed' }), person(2)]);
    expect((await surveyed()).leavers).toEqual([]);
  });
});

describe('survey, a read that breaks', () => {
  it('keeps what was read', async () => {
    await know(crowd(1));
    people.pages([[person(1, { name: 'Changed' })], [person(2)]], true);
    const end = await surveyed();
    expect(end.pages).toEqual([['E1 update'], [], ['E2 create']]);
    expect(end).toMatchObject({ complete: false, read: 2 });
  });

  it('throws where it was aborted: that is no verdict on the directory', async () => {
    const stop = new AbortController();
    people.pages([crowd(1), [person(2)]]);
    people.before = async (page) => void (page === 1 && stop.abort());
    await expect(surveyed({ signal: stop.signal })).rejects.toThrow('aborted');
  });

  it('throws a bug of a directory as it is', async () => {
    people.pages([crowd(1)]);
    people.before = () => Promise.reject(new TypeError('a bug'));
    await expect(surveyed()).rejects.toThrow(TypeError);
  });
});
