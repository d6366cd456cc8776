/** A year of a company under the policy full: after every run Omni is as a model written apart says, by the fewest calls. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { describe, expect } from 'vitest';
import { loadConfig } from '../../config/load.ts';
import { compose, type Daemon } from '../../worker/compose.ts';
import { ask, type Running, startApplying, startReconciling } from '../../worker/sync.ts';
import { it, type Journey } from '../support/journey.ts';

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
}

type Directory = Map<string, Employee>;
type Step = readonly [what: string, change: (directory: Directory) => void, graceIsOver?: 'graceIsOver'];

const OVER = 'graceIsOver';
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

const YEAR: readonly Step[] = [
  ['a quiet day', nothing],
  ['two are hired', hire(200, 201)],
  ['one moves', change(3, { office: 'Lima' })],
  ['one changes the name', change(4, { name: 'Person Four' })],
  ['one marries', marry(5)],
  ['one marries, one moves, one is hired', all(marry(6), change(7, { office: 'Lima' }), hire(202))],
  ['one leaves: the grace begins', remove(10)],
  ['and is back within it', hire(10)],
  ['three leave', remove(11, 12, 13)],
  ['one of them is back, another record moves', all(hire(11), change(14, { office: 'Lima' }))],
  ['the grace of the others is over', nothing, OVER],
  ['a quiet day after it', nothing],
  ['one who was taken away is back', hire(12)],
  ['another is back in another office', all(hire(13), change(13, { office: 'Lima' }))],
  ['one is set inactive', left(20)],
  ['and at once back', change(20, { status: 'active' })],
  ['one is set inactive, then the record goes', left(21)],
  ['the record of the inactive one goes', remove(21)],
  ['its grace is over long since', nothing, OVER],
  ['it comes back', hire(21)],
  ['one is re-hired under a new id at once', all(remove(30), rehire(30, 'N30'))],
  ['one leaves, to be re-hired later', remove(31)],
  ['and is re-hired within the grace, elsewhere', rehire(31, 'N31', { office: 'Lima' })],
  ['one leaves for good, it seems', remove(32), OVER],
  ['and is re-hired after the account was taken away', rehire(32, 'N32')],
  ['one is inactive and has a new record beside', all(left(33), rehire(33, 'N33'))],
  ['the old record goes', remove(33)],
  ['two become contractors, out of scope', all(contractor(40), contractor(41))],
  ['one of them is staff again within the grace', staff(40)],
  ['the grace of the other is over', nothing, OVER],
  ['who is staff again, too', staff(41)],
  ['contractors come whom Omni never sees', all(hire(300, 301), contractor(300), contractor(301))],
  ['one of them is employed', staff(300)],
  ['somebody is hired, inactive from the start', all(hire(302), left(302))],
  ['and starts', change(302, { status: 'active' })],
  ['a contractor goes whom Omni never saw', remove(301), OVER],
  ['many things on one day', all(hire(203), marry(50), remove(51), left(52), contractor(53), staff(40))],
  [
    'and the next',
    all(hire(51), change(52, { status: 'active' }), staff(53), change(50, { office: 'Rome' })),
  ],
  ['the re-hired leave as others do', remove('N30', 'N31', 'N32', 'N33'), OVER],
  ['and one of them has the first id again', hire(30)],
  ['one marries while inactive', all(left(60), marry(60))],
  ['and is back with the new name', change(60, { status: 'active' })],
  ['the year ends', nothing, OVER],
];

/** Omni as it should be, and how many writes that costs at least. The model knows people and accounts, nothing of how it is done. */
class Model {
  readonly accounts: Account[] = [];

  run(directory: Directory, graceIsOver: boolean): number {
    const wanted = [...directory.values()].filter(
      ({ status, kind }) => status === 'active' && kind === 'staff',
    );
    const ids = new Set(wanted.map(({ id }) => id));
    const writes = wanted.map((person) => this.#employ(person, ids)).filter(Boolean).length;
    const leaving = this.accounts.filter(({ owner, active }) => {
      return active && !ids.has(owner) && (graceIsOver || directory.get(owner)?.status === 'left');
    });
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
    const before = JSON.stringify({ ...account, owner: id });
    Object.assign(account, wish);
    return JSON.stringify(account) !== before;
  }
}

/** The service in this process, on the installation's own configuration. */
async function serve(journey: Journey): Promise<{ run(): Promise<void>; close(): Promise<void> }> {
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
      expect(await sync.ledger.rejections()).toEqual([]);
    },
    async close() {
      await Promise.all(running.map(({ stop }) => stop()));
      await daemon.close();
    },
  };
}

function write(journey: Journey, directory: Directory): void {
  const rows = [...directory.values()].map((one) => Object.values(one).join(','));
  const text = `id,email,name,office,status,kind\n${rows.join('\n')}\n`;
  writeFileSync(join(journey.folder, 'people.csv'), text);
}

const sorted = <Item extends { userName: string; active: boolean }>(items: readonly Item[]) =>
  items.toSorted((a, b) => (`${a.userName} ${a.active}` < `${b.userName} ${b.active}` ? -1 : 1));

function expectAsModel(journey: Journey, model: Model): void {
  const users = journey.sandbox.state().users.map(({ userName, displayName, active, attributes }) => {
    return { userName, displayName, active, region: attributes.region };
  });
  const wanted = model.accounts.map(({ owner: _, ...account }) => account);
  expect(sorted(users)).toEqual(sorted(wanted));
}

const LONG = 'leavers: { grace: { missing: 1h, outOfScope: 1h, inactive: 0s }, limit: 60 }';
const NONE = 'leavers: { grace: 0s, limit: 60 }';
const USERS = ['active: status == "active"', 'where: kind != "contractor"', 'attributes: { region: office }'];

describe('a year of a company', () => {
  it('leaves Omni as it should be after every run, by the fewest calls', async ({ install }) => {
    const options = { sandbox: { attributes: [{ name: 'region' }] }, users: USERS.join('\n') };
    const journey = await install([], { ...options, requestsPerMinute: 60_000 });
    journey.configure((yaml) => `${yaml.replace('policy: upsert', 'policy: full')}    ${LONG}\n`);
    const directory: Directory = new Map();
    hire(...Array.from({ length: 130 }, (_, n) => n))(directory);
    const model = new Model();
    write(journey, directory);
    let service = await serve(journey);
    try {
      await service.run();
      model.run(directory, false);
      expectAsModel(journey, model);
      // A list page, the definitions of attributes, and one for each.
      expect(journey.sandbox.calls()).toHaveLength(132);

      for (const [what, happen, grace] of YEAR) {
        journey.sandbox.clearCalls();
        happen(directory);
        write(journey, directory);
        if (grace === OVER) {
          await service.close();
          journey.configure((yaml) => yaml.replace(LONG, NONE));
          service = await serve(journey);
        }
        await service.run();
        const fewest = model.run(directory, grace === OVER);
        expectAsModel(journey, model);
        expect({ what, calls: journey.sandbox.calls().length }).toEqual({ what, calls: fewest });
        if (grace === OVER) {
          await service.close();
          journey.configure((yaml) => yaml.replace(NONE, LONG));
          service = await serve(journey);
        }
      }
      await service.run();
      expectAsModel(journey, model);
    } finally {
      await service.close();
    }
  });
});
