/** A service whose directory goes wrong, or moves, under its reads, and what a company does to itself. Rows 23, 25, 26, 28, 48, 52 and 53 of the matrix. */
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, type TestContext } from 'vitest';
import { it, type Journey, type Person, type Process, somePeople } from '../support/journey.ts';
import { readLedger } from '../support/ledger.ts';
import { endInOrder, until } from '../support/service.ts';
import { type Slapd, startSlapd } from '../support/slapd.ts';
import { creations } from '../support/verdict.ts';
import { eachSecond, takingAway } from './installation.ts';
import { expectInvariants } from './invariants.ts';

const PEOPLE = somePeople(40);
const [FIRST] = PEOPLE as [Person];
/** Whoever is believed to be gone is taken away at once, however many. */
const AT_ONCE = 'grace: 0s, limit: 1000';
const READ = /"msg":"(reconciled|reconciled after an incomplete read|the reconcile broke off)"/g;

/** Waits for `count` more reads, whatever came of them. */
async function reads({ told }: Process, count: number): Promise<void> {
  const done = () => told().match(READ)?.length ?? 0;
  // One of them may have begun before.
  const before = done() + 1;
  await until(() => done() >= before + count);
}

const removed = ({ sandbox }: Journey) => sandbox.calls().filter((call) => call.removed);

/** Somebody who is gone from a good read is taken away, and nobody was before: the service was not just idle. */
async function expectOneLeaver(
  journey: Journey,
  service: Process,
  people: readonly Person[],
  leave: () => unknown,
) {
  expect(removed(journey)).toEqual([]);
  await leave();
  await until(() => removed(journey).length > 0);
  await endInOrder(service);
  const [{ email } = { email: '' }, ...rest] = people;
  expectInvariants({
    sandbox: journey.sandbox,
    people: rest,
    mayLeave: (address) => address === email,
    ledger: await readLedger(journey),
  });
}

async function serve(journey: Journey, people: readonly Person[]): Promise<Process> {
  const service = journey.start('start');
  await until(() => creations(journey.sandbox).size === people.length);
  return service;
}

const json = (people: readonly Person[]) => JSON.stringify(people, null, 1);

describe.concurrent('a directory file', () => {
  it('that is empty, cut off or broken takes nobody away', async ({ install }) => {
    const journey = await install(PEOPLE);
    journey.write('people.json', json(PEOPLE));
    journey.configure((yaml) => takingAway(eachSecond(yaml).replace('people.csv', 'people.json'), AT_ONCE));
    const service = await serve(journey, PEOPLE);
    const whole = json(PEOPLE);
    for (const text of [
      '[]',
      '',
      ' ',
      whole.slice(0, 1_000),
      whole.slice(0, -3),
      `${whole}]`,
      '{"error": "busy"}',
    ]) {
      journey.write('people.json', text);
      await reads(service, 1);
      expect({ text, removed: removed(journey) }).toEqual({ text, removed: [] });
    }
    journey.write('people.json', whole);
    await reads(service, 1);
    await expectOneLeaver(journey, service, PEOPLE, () =>
      journey.write('people.json', json(PEOPLE.slice(1))),
    );
  });

  it('that is written anew again and again, in another order, while it is read takes nobody away', async ({
    install,
  }) => {
    const people = somePeople(3_000);
    const journey = await install(people, { requestsPerMinute: 60_000 });
    journey.sandbox.seed(people.map(({ email, name }) => ({ userName: email, displayName: name })));
    journey.configure((yaml) => takingAway(eachSecond(yaml), AT_ONCE));
    const service = journey.start('start');
    await reads(service, 1);
    for (let round = 0; round < 100; round++) {
      const at = (round * 997) % people.length;
      journey.people([...people.slice(at), ...people.slice(0, at)]);
      await sleep(50);
    }
    await reads(service, 1);
    expect(creations(journey.sandbox).size).toBe(0);
    await expectOneLeaver(journey, service, people, () => journey.people(people.slice(1)));
  });
});

/** What stands between a service and its slapd. */
interface Between {
  readonly url: string;
  /** How each piece that slapd sends is passed on. */
  pass: (piece: Buffer, towards: Socket) => void;
}

type OnTestFinished = TestContext['onTestFinished'];

async function between(slapd: Slapd, onTestFinished: OnTestFinished): Promise<Between> {
  const state = { url: '', pass: (piece: Buffer, towards: Socket) => void towards.write(piece) };
  const server = createServer((socket) => {
    const upstream = connect(slapd.port, '127.0.0.1');
    for (const one of [socket, upstream]) one.on('error', () => undefined);
    socket.on('close', () => upstream.destroy());
    upstream.on('close', () => socket.destroy());
    socket.pipe(upstream);
    upstream.on('data', (piece) => state.pass(piece, socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  state.url = `ldap://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  return state;
}

const entry = ({ id, email, name }: Person) =>
  [`dn: uid=${id},ou=people,dc=example,dc=test`, 'objectClass: inetOrgPerson', `uid: ${id}`, `cn: ${name}`]
    .concat('sn: Person', `mail: ${email}`, '', '')
    .join('\n');

/** Its directory is a real slapd, read in pages of ten, with something between. */
async function onLdap(journey: Journey, timeout: string, onTestFinished: OnTestFinished) {
  const slapd = await startSlapd({ ldif: PEOPLE.map(entry).join('') });
  onTestFinished(() => slapd.stop());
  const wire = await between(slapd, onTestFinished);
  const { readerDn, readerPassword, peopleDn } = slapd;
  const about = `url: "${wire.url}", bindDn: "${readerDn}", bindPasswordFile: ./password, baseDn: "${peopleDn}"`;
  journey.write('password', readerPassword);
  journey.configure((yaml) =>
    takingAway(eachSecond(yaml), AT_ONCE)
      .replace(
        /directory: .*/,
        `directory: { type: ldap, ${about}, filter: "(uid=*)", pageSize: 10, timeout: ${timeout} }`,
      )
      .replace('id: id', 'id: uid')
      .replace('userName: email', 'userName: mail')
      .replace('displayName: name', 'displayName: cn'),
  );
  const dismiss = ({ id }: Person) => slapd.asRoot((client) => client.del(`uid=${id},${peopleDn}`));
  return { wire, dismiss };
}

describe.concurrent('an LDAP directory', () => {
  it('whose connection ends, or falls silent, in the middle of a read takes nobody away', async ({
    install,
    onTestFinished,
  }) => {
    const journey = await install([]);
    const { wire, dismiss } = await onLdap(journey, '1s', onTestFinished);
    const service = await serve(journey, PEOPLE);
    const { pass } = wire;
    const upTo = (bytes: number, then: (towards: Socket) => unknown) => {
      const passed = new WeakMap<Socket, number>();
      return (piece: Buffer, towards: Socket) => {
        const before = passed.get(towards) ?? 0;
        passed.set(towards, before + piece.length);
        if (before + piece.length <= bytes) towards.write(piece);
        else then(towards);
      };
    };
    for (const bytes of [10, 1_000, 3_000, 6_000]) {
      wire.pass = upTo(bytes, (towards) => towards.destroy());
      await reads(service, 1);
      expect({ bytes, removed: removed(journey) }).toEqual({ bytes, removed: [] });
    }
    wire.pass = upTo(3_000, () => undefined);
    await reads(service, 1);
    wire.pass = pass;
    await reads(service, 1);
    await expectOneLeaver(journey, service, PEOPLE, () => dismiss(FIRST));
  });

  it('whose read takes longer than its period is read by one of three services at a time', async ({
    install,
    onTestFinished,
  }) => {
    const journey = await install([]);
    const { wire, dismiss } = await onLdap(journey, '30s', onTestFinished);
    // Five pages: three seconds and more, for a look each second.
    const readers = new Set<Socket>();
    let overlaps = 0;
    wire.pass = (piece, towards) => {
      readers.add(towards);
      setTimeout(() => {
        // Who has all pieces lets the next one begin, and nobody sooner.
        if ([...readers].at(-1) !== towards) overlaps++;
        towards.write(piece);
      }, 600);
    };
    const [service, ...others] = [
      journey.start('start'),
      journey.start('start'),
      journey.start('start'),
    ] as const;
    const services = [service, ...others];
    const all = () => services.reduce((sum, { told }) => sum + (told().match(READ)?.length ?? 0), 0);
    await until(() => creations(journey.sandbox).size === PEOPLE.length && all() >= 5);
    expect({ overlaps, reads: readers.size >= 5 }).toEqual({ overlaps: 0, reads: true });
    for (const other of others) await endInOrder(other);
    await expectOneLeaver(journey, service, PEOPLE, () => dismiss(FIRST));
  });
});

describe.concurrent('a company', () => {
  const REGION = { users: 'attributes: { region: office }' };

  it('whose attribute is removed in Omni has everybody else of it brought in step', async ({ install }) => {
    const people = somePeople(10, { office: 'Oslo' });
    const journey = await install(people, { ...REGION, sandbox: { attributes: [{ name: 'region' }] } });
    journey.configure(eachSecond);
    const service = await serve(journey, people);
    journey.sandbox.set({ attributes: [] });
    const now = [
      ...people.map((person) => ({ ...person, name: `${person.name} II`, office: 'Rome' })),
      ...somePeople(12).slice(10),
    ];
    journey.people(now);
    const names = () =>
      journey.sandbox
        .state()
        .users.map(({ displayName }) => displayName)
        .sort();
    await until(
      () =>
        names().join() ===
        now
          .map(({ name }) => name)
          .sort()
          .join(),
    );
    await endInOrder(service);
    expect((await journey.cli('run')).code).toBe(0);
    const { stdout } = await journey.cli('failed', '--json');
    expect((JSON.parse(stdout) as { syncs: { failed: unknown }[] }).syncs[0]?.failed).toEqual([]);
    expectInvariants({ sandbox: journey.sandbox, people: now, ledger: await readLedger(journey) });
  });

  it('that renames people, swaps two addresses and takes somebody on again keeps each account', async ({
    install,
  }) => {
    const journey = await install(PEOPLE.slice(0, 6));
    journey.configure((yaml) => takingAway(eachSecond(yaml), AT_ONCE));
    const service = await serve(journey, PEOPLE.slice(0, 6));
    const accounts = () => new Map(journey.sandbox.state().users.map(({ userName, id }) => [userName, id]));
    const before = accounts();
    const [a, b, c, d, e, f] = PEOPLE.slice(0, 6) as [Person, Person, Person, Person, Person, Person];
    const renamed = { ...a, email: 'ada@example.com' };
    journey.sandbox.clearCalls();
    journey.people([renamed, { ...b, email: c.email }, { ...c, email: b.email }, d, e]);
    await until(() => accounts().has(renamed.email) && removed(journey).length > 0);
    await reads(service, 1);
    expect(removed(journey).map(({ userName }) => userName)).toEqual([f.email]);
    expect(accounts().get(renamed.email)).toBe(before.get(a.email));
    const again = { ...f, id: 'N1' };
    // The swap is called off.
    const people = [renamed, b, c, d, e, again];
    journey.people(people);
    await until(() => journey.sandbox.state().users.every(({ active }) => active));
    await reads(service, 1);
    await endInOrder(service);
    expect(accounts()).toEqual(
      new Map([...before].map(([name, id]) => [name === a.email ? renamed.email : name, id])),
    );
    expect(journey.sandbox.calls().filter(({ method }) => method === 'POST' || method === 'DELETE')).toEqual(
      [],
    );
    expectInvariants({
      sandbox: journey.sandbox,
      people,
      mayLeave: (address) => address === f.email,
      ledger: await readLedger(journey),
    });
  });
});
