/** A year of a company under the policy full: after every run Omni is as a model written apart says, by the fewest calls. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { describe, expect } from 'vitest';
import { loadConfig } from '../../config/load.ts';
import { compose, type Daemon } from '../../worker/compose.ts';
import type { Running } from '../../worker/job-loop.ts';
import { ask, startApplying, startReconciling } from '../../worker/sync.ts';
import { it, type Journey } from '../support/journey.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { type Slapd, startSlapd } from '../support/slapd.ts';

/** A record of the directory. */
interface Employee {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly office: string;
  readonly status: 'active' | 'left';
  readonly kind: 'staff' | 'contractor';
}

/** What the model knows of one account of Omni's, and whose it is. */
interface Account {
  owner: string;
  userName: string;
  displayName: string;
  region: string;
  active: boolean;
  /** The day on which its owner was first not wanted, while they are not. */
  since?: number;
}

type Directory = Map<string, Employee>;
/** How long before it, a day where left out; and what the read comes to, beside what Omni should be then. */
interface Circumstances {
  readonly days?: number;
  /** Many seem to be gone at once: nobody is taken away, and no account moves. */
  readonly held?: boolean;
  readonly rejected?: number;
}
type Step = readonly [what: string, change: (directory: Directory) => void, circumstances?: Circumstances];

const DAY_MS = 86_400_000;
const OFFICES = ['Berlin', 'Oslo', 'Rome'];

function employee(n: number, change: Partial<Employee> = {}): Employee {
  const office = OFFICES[n % OFFICES.length] ?? '';
  const email = `person.${n}@example.com`;
  return { id: `E${n}`, email, name: `Person ${n}`, office, status: 'active', kind: 'staff', ...change };
}

const hire = (...numbers: number[]) => {
  return (all: Directory) => {
    for (const n of numbers) all.set(`E${n}`, employee(n));
  };
};
const change = (n: number | string, what: Partial<Employee>) => {
  return (all: Directory) => {
    const id = typeof n === 'number' ? `E${n}` : n;
    const before = all.get(id);
    if (before === undefined) throw new Error(`nobody is ${id}`);
    all.set(id, { ...before, ...what });
  };
};
const remove = (...ids: (number | string)[]) => {
  return (all: Directory) => {
    for (const id of ids) expect(all.delete(typeof id === 'number' ? `E${id}` : id)).toBe(true);
  };
};
const all = (...changes: ((directory: Directory) => void)[]) => {
  return (directory: Directory) => {
    for (const one of changes) one(directory);
  };
};
/** The person whose record was E<n>, under an id that HR made anew. */
const rehire = (n: number, id: string, what: Partial<Employee> = {}) => {
  return (directory: Directory) => void directory.set(id, { ...employee(n), id, ...what });
};
const marry = (n: number) => change(n, { email: `married.${n}@example.com`, name: `Person Married ${n}` });
const left = (n: number) => change(n, { status: 'left' });
const contractor = (n: number) => change(n, { kind: 'contractor' });
const staff = (n: number) => change(n, { kind: 'staff' });
const nothing = () => undefined;
const swap = (a: number, b: number) => (directory: Directory) => {
  const [first, second] = [directory.get(`E${a}`)?.email, directory.get(`E${b}`)?.email];
  all(change(a, { email: second ?? '' }), change(b, { email: first ?? '' }))(directory);
};
/** Every record has another id, or its own again. */
const renumber = (prefix: string) => (directory: Directory) => {
  const records = [...directory.values()].map((one) => ({ ...one, id: prefix + one.id.replace('X', '') }));
  directory.clear();
  for (const one of records) directory.set(one.id, one);
};
const hidden: Employee[] = [];
const hide = (directory: Directory) => {
  for (const one of [...directory.values()].filter((_, n) => n % 3 === 0)) {
    hidden.push(one);
    directory.delete(one.id);
  }
};
const show = (directory: Directory) => {
  for (const one of hidden.splice(0)) directory.set(one.id, one);
};

const YEAR: readonly Step[] = [
  ['a quiet day', nothing],
  ['two are hired', hire(200, 201)],
  ['one moves', change(3, { office: 'Lima' })],
  ['one changes the name', change(4, { name: 'Person Four' })],
  ['one marries', marry(5)],
  ['one marries, one moves, one is hired', all(marry(6), change(7, { office: 'Lima' }), hire(202))],
  ['a department moves', all(...[8, 9, 15, 16, 17, 18].map((n) => change(n, { office: 'Quito' })))],
  ['one leaves: the grace begins', remove(10)],
  ['and is back within it', hire(10)],
  ['three leave', remove(11, 12, 13)],
  ['one of them is back, another record moves', all(hire(11), change(14, { office: 'Lima' }))],
  ['the grace of the others is over', nothing, { days: 8 }],
  ['a quiet day after it', nothing],
  ['one who was taken away is back', hire(12)],
  ['another is back in another office', all(hire(13), change(13, { office: 'Lima' }))],
  ['one is set inactive', left(20)],
  ['and the next day back, within the grace of a record that is there', change(20, { status: 'active' })],
  ['one is set inactive again', left(20)],
  ['and that grace is over', nothing, { days: 3 }],
  ['and back', change(20, { status: 'active' })],
  ['one is set inactive', left(21)],
  ['the record of the inactive one goes: the longer grace, from when it began', remove(21)],
  ['which is not over yet', nothing, { days: 5 }],
  ['and is now', nothing, { days: 2 }],
  ['it comes back', hire(21)],
  ['one is re-hired under a new id at once', all(remove(30), rehire(30, 'N30'))],
  ['one leaves, to be re-hired later', remove(31)],
  ['and is re-hired within the grace, elsewhere', rehire(31, 'N31', { office: 'Lima' })],
  ['one leaves for good, it seems', remove(32)],
  ['and the account goes', nothing, { days: 8 }],
  ['and is re-hired after the account was taken away', rehire(32, 'N32')],
  ['one is inactive and has a new record beside', all(left(33), rehire(33, 'N33'))],
  ['the old record goes', remove(33)],
  ['two become contractors, out of scope', all(contractor(40), contractor(41))],
  ['one of them is staff again within the grace', staff(40)],
  ['the grace of the other is over', nothing, { days: 8 }],
  ['who is staff again, too', staff(41)],
  ['contractors come whom Omni never sees', all(hire(300, 301), contractor(300), contractor(301))],
  ['one of them is employed', staff(300)],
  ['somebody is hired, inactive from the start', all(hire(302), left(302))],
  ['and starts', change(302, { status: 'active' })],
  ['a contractor goes whom Omni never saw', remove(301)],
  ['and nothing comes of it', nothing, { days: 8 }],
  ['two swap addresses: a conflict by name, nobody is touched', swap(70, 71), { rejected: 2 }],
  ['the swap is taken back', swap(70, 71)],
  ['one of them takes another address', change(70, { email: 'moved.70@example.com' })],
  ['the other takes the one that is free', change(71, { email: 'person.70@example.com' })],
  ['and gives the own one away', change(70, { email: 'person.71@example.com' })],
  ['every id is another one: held', renumber('X'), { held: true }],
  ['still, a week and more later', nothing, { days: 9, held: true }],
  ['the ids are as they were', renumber('')],
  ['a third of the records is not there: held', hide, { held: true }],
  ['still, a week and more later: somebody hired meanwhile comes', hire(204), { days: 9, held: true }],
  ['the records are there again', show],
  ['many things on one day', all(hire(203), marry(50), remove(51), left(52), contractor(53), staff(40))],
  [
    'and the next',
    all(hire(51), change(52, { status: 'active' }), staff(53), change(50, { office: 'Rome' })),
  ],
  ['the re-hired leave as others do', remove('N30', 'N31', 'N32', 'N33')],
  ['and their grace ends', nothing, { days: 8 }],
  ['and one of them has the first id again', hire(30)],
  ['one marries while inactive', all(left(60), marry(60))],
  ['and the account goes', nothing, { days: 3 }],
  ['and is back with the new name', change(60, { status: 'active' })],
  ['the year ends', nothing, { days: 30 }],
];

/** Days from when somebody is not wanted to when the account goes, by what the directory says of them then. */
function graceOf(record: Employee | undefined): number {
  if (record === undefined) return 7;
  return record.kind === 'contractor' ? 4 : 2;
}

/** Omni as it should be, and how many writes that costs at least. The model knows people and accounts, nothing of how it is done. */
class Model {
  readonly accounts: Account[] = [];

  run(directory: Directory, today: number, { held = false, rejected = 0 }: Circumstances = {}): number {
    const wanted = [...directory.values()].filter(
      ({ status, kind }) => status === 'active' && kind === 'staff',
    );
    const ids = new Set(wanted.map(({ id }) => id));
    // In a held read an account that has no owner any more stays as it is, and so do people in a conflict.
    const served = wanted.filter(({ id, email }) => {
      if (rejected > 0) return this.accounts.some((one) => one.owner === id && one.userName === email);
      return !held || !this.accounts.some((one) => one.userName === email && one.owner !== id);
    });
    const writes = served.map((person) => this.#employ(person, ids)).filter(Boolean).length;
    if (held) return writes;
    const out = this.accounts.filter(({ owner, active }) => active && !ids.has(owner));
    for (const account of out) account.since ??= today;
    const leaving = out.filter(({ owner, since = today }) => today - since >= graceOf(directory.get(owner)));
    for (const account of leaving) account.active = false;
    return writes + leaving.length;
  }

  /** Whether something had to be written. */
  #employ({ id, email, name, office }: Employee, wanted: ReadonlySet<string>): boolean {
    const wish = { owner: id, userName: email, displayName: name, region: office, active: true };
    const own = this.accounts.find(({ owner }) => owner === id);
    const heirloom = this.accounts.find((one) => one.userName === email && !wanted.has(one.owner));
    const account = own ?? heirloom;
    if (account === undefined) {
      this.accounts.push(wish);
      return true;
    }
    delete account.since;
    const before = JSON.stringify({ ...account, owner: id });
    Object.assign(account, wish);
    return JSON.stringify(account) !== before;
  }
}

interface Ran {
  readonly rejected: number;
  readonly held: number;
}

/** The service in this process, on the installation's own configuration. */
async function serve(journey: Journey): Promise<{ run(): Promise<Ran>; close(): Promise<void> }> {
  const env = { ...process.env, OMNI_SYNC_DATA: join(journey.folder, 'data') };
  const config = loadConfig({ path: journey.configFile, env, cwd: journey.folder });
  const daemon: Daemon = await compose({ config, log: pino({ level: 'silent' }), rebind: false });
  const [sync] = daemon.syncs;
  if (sync === undefined) throw new Error('no sync');
  const running: Running[] = [startReconciling(sync), startApplying(sync)];
  return {
    async run() {
      const id = await ask(sync, { by: 'test', full: false });
      while ((await sync.ledger.asks.state(id)).kind === 'waiting') await sleep(5);
      while ((await sync.ledger.outbox.size()) > 0) {
        const aside = (await sync.ledger.quarantine.all()).map(({ code, message }) => `${code}: ${message}`);
        expect(aside).toEqual([]);
        await sleep(5);
      }
      const [last] = await sync.ledger.runs.recent(1);
      return { rejected: last?.rejected ?? 0, held: last?.held ?? 0 };
    },
    async close() {
      await Promise.all(running.map(({ stop }) => stop()));
      await daemon.close();
    },
  };
}

/** Brings the LDAP server from what it holds to the directory. */
async function carryOver(slapd: Slapd, held: Map<string, Employee>, directory: Directory): Promise<void> {
  await slapd.asRoot(async (client) => {
    const dn = (id: string) => `uid=${id},${slapd.peopleDn}`;
    for (const [id, before] of [...held]) {
      if (directory.get(id) === before) continue;
      await client.del(dn(id));
      held.delete(id);
    }
    for (const [id, one] of directory) {
      if (held.has(id)) continue;
      await client.add(dn(id), {
        objectClass: 'inetOrgPerson',
        employeeNumber: id,
        cn: one.name,
        sn: one.name,
        mail: one.email,
        l: one.office,
        employeeType: one.status,
        businessCategory: one.kind,
      });
      held.set(id, one);
    }
  });
}

const sorted = <Item extends { userName: string; active: boolean }>(items: readonly Item[]) =>
  items.toSorted((a, b) => (`${a.userName} ${a.active}` < `${b.userName} ${b.active}` ? -1 : 1));

function expectAsModel(what: string, journey: Journey, model: Model): void {
  const users = journey.sandbox.state().users.map(({ userName, displayName, active, attributes }) => {
    return { userName, displayName, active, region: attributes.region };
  });
  const wanted = model.accounts.map(({ owner: _, since: __, ...account }) => account);
  expect({ what, users: sorted(users) }).toEqual({ what, users: sorted(wanted) });
}

/** What was written to Omni; nothing is read but the definitions of attributes, before a day's first write. */
function writes(what: string, { sandbox }: Journey): number {
  const calls = sandbox.calls();
  const reads = calls.filter(({ method }) => method === 'GET').map(({ route }) => route);
  expect({ what, reads: reads.filter((route) => !route.includes('attributes')) }).toEqual({
    what,
    reads: [],
  });
  sandbox.clearCalls();
  return calls.length - reads.length;
}

function configuration(yaml: string, redis: TestRedis, slapd: Slapd): string {
  const ldap = `type: ldap, url: "${slapd.url}", bindDn: "${slapd.readerDn}", bindPasswordFile: ./password, baseDn: "${slapd.peopleDn}", filter: "(objectClass=inetOrgPerson)", pageSize: 50`;
  return `redis: { url: ${redis.path} }
${yaml.replace('type: file, path: ./people.csv', ldap).replace('policy: upsert', 'policy: full')}    leavers: { grace: { missing: 7d, outOfScope: 4d, inactive: 2d } }
`;
}

const USERS = [
  'active: employeeType == "active"',
  'where: businessCategory != "contractor"',
  'attributes: { region: l }',
];

describe('a year of a company', () => {
  it('leaves Omni as it should be after every run, by the fewest calls', async ({
    install,
    onTestFinished,
  }) => {
    const slapd = await startSlapd();
    onTestFinished(() => slapd.stop());
    const redis = await startRedis({ movable: true });
    onTestFinished(() => redis.stop());
    const options = { sandbox: { attributes: [{ name: 'region' }] }, users: USERS.join('\n') };
    const journey = await install([], { ...options, requestsPerMinute: 60_000 });
    journey.write('password', slapd.readerPassword);
    journey.configure((yaml) =>
      configuration(yaml, redis, slapd)
        .replace('id: id', 'id: employeeNumber')
        .replace('userName: email', 'userName: mail')
        .replace('displayName: name', 'displayName: cn'),
    );
    const directory: Directory = new Map();
    const held = new Map<string, Employee>();
    hire(...Array.from({ length: 130 }, (_, n) => n))(directory);
    const model = new Model();
    const service = await serve(journey);
    onTestFinished(() => service.close());
    await carryOver(slapd, held, directory);
    await service.run();
    model.run(directory, 0);
    expectAsModel('the first load', journey, model);
    // A list page, the definitions of attributes, and one for each.
    expect(journey.sandbox.calls()).toHaveLength(132);
    journey.sandbox.clearCalls();

    let today = 0;
    for (const [what, happen, circumstances = {}] of YEAR) {
      const { days = 1, rejected = 0 } = circumstances;
      redis.advance(days * DAY_MS);
      today += days;
      happen(directory);
      await carryOver(slapd, held, directory);
      const ran = await service.run();
      const fewest = model.run(directory, today, circumstances);
      expectAsModel(what, journey, model);
      const isHeld = ran.held > 0;
      expect({ what, calls: writes(what, journey), rejected: ran.rejected, isHeld }).toEqual({
        what,
        calls: fewest,
        rejected,
        isHeld: circumstances.held === true,
      });
    }
  });
});
