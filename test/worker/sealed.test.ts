/** What Redis keeps of people under `redis.encryptionKey`: nothing to be read, and nothing lost by a rotation. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createEnvelope } from '../../ledger/envelope.ts';
import { createLedger, type Ledger } from '../../ledger/ledger.ts';
import { isSyncError } from '../../model/errors.ts';
import { expectNothingPlanted, keptBesideLinks } from '../support/leaks.ts';
import { crowd, person } from '../support/people.ts';
import { refOf, rigsOfFile, round } from './living.ts';
import { POST, type Rig } from './rig.ts';

const rigWith = rigsOfFile();
const OLD = 'an-older-key-of-more-than-32-characters-0';
const NEW = 'a-newer-key-of-more-than-32-characters-00';
const HOUR = 3_600_000;
const SETBACK = {
  sourceId: 'E1',
  kind: 'refused',
  code: 'c',
  until: 'reconcile',
  message: 'p5@acme.example',
} as const;
const TOLD = { run: 'run', calls: 0, waitMs: 0 };

/** A sync with somebody everywhere where somebody can be kept. */
async function busy(encryptionKeys?: readonly string[]): Promise<Rig> {
  const rig = await rigWith({ ...(encryptionKeys && { encryptionKeys }), rules: { adopt: 'ask' } });
  rig.people.tell();
  rig.sandbox.seed(
    ['p3', 'p6', 'stranger'].map((name) => ({ userName: `${name}@acme.example`, displayName: 'Person 3' })),
  );
  rig.people.set([...crowd(3), person(6)]);
  await round(rig);
  rig.configure({ leaverRules: { graceMs: { missing: HOUR, inactive: HOUR, outOfScope: HOUR } } });
  const twins = [7, 8].map((n) => person(n, { email: 'p7@acme.example' }));
  rig.people.set([
    person(1),
    person(3),
    person(4),
    person(5),
    person(6),
    ...twins,
    person(9, { email: 'nobody' }),
  ]);
  await rig.reconcile();
  const { ledger } = rig;
  const held = await ledger.held.all();
  await ledger.held.answer(held.slice(0, 1), 'kept');
  await ledger.asks.add({ by: 'test', full: false, person: 'p1@acme.example' });
  await ledger.intend(await refOf(rig, 'E5'), 'v1', { posted: 'p5@acme.example' });
  const [waits] = (await ledger.outbox.rows().next()).value ?? [];
  await ledger.quarantine.put(waits?.ref ?? '', { ...SETBACK, version: waits?.version ?? '' }, TOLD);
  return rig;
}

/** All that is sealed, as the product reads it. */
async function read(ledger: Ledger): Promise<unknown> {
  const rows: unknown[] = [];
  for await (const page of ledger.outbox.rows()) rows.push(...page);
  const { ref } = await ledger.begin();
  const lists = [ledger.leavers.all(), ledger.held.all(), ledger.unmatched(), ledger.rejections()];
  const rest = [ledger.asks.people(), ledger.intent(ref('E5')), ledger.quarantine.all()];
  const found = [rows, ...(await Promise.all([...lists, ...rest])), [...(await ledger.held.answers())]];
  // In whatever order Redis has them.
  return found.map((list) => (Array.isArray(list) ? list.map((one) => JSON.stringify(one)).sort() : list));
}

function reopened({ redis, ledger: { identity } }: Rig, encryptionKeys: readonly string[]): Ledger {
  const dataDir = mkdtempSync(join(tmpdir(), 'sealed-'));
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
  return createLedger({ redis, sync: 'acme', identity, dataDir, rebind: false, encryptionKeys });
}

const refusal = (work: Promise<unknown>) =>
  work.then(
    () => 'nothing was refused',
    (error: unknown) => (isSyncError(error, 'config') ? error.code : String(error)),
  );

const SEALED = [
  ...(['outbox', 'leavers', 'held', 'answers', 'unmatched', 'rejected', 'asks'] as const),
  ...(['intents', 'quarantine', 'watermark'] as const),
];

describe('the ledger under an encryption key', () => {
  it('keeps no address and no name to be read but in links', async () => {
    const rig = await busy([NEW]);
    for (const name of SEALED) expect([name, await rig.redis.exists(rig.keys[name])]).toEqual([name, 1]);
    const kept = await keptBesideLinks(rig.redis);
    expectNothingPlanted(kept);
    expect(kept).not.toContain('stranger');
    expect(JSON.stringify(await read(rig.ledger))).toMatch(/stranger.*p5@acme\.example/);
  });

  it('would show them without one', async () => {
    const kept = await keptBesideLinks((await busy()).redis);
    const lines = kept.split('\n').filter((line) => line.includes('acme.example'));
    expect(
      SEALED.filter((name) => lines.some((line) => line.startsWith(`{omni-sync:acme}:${name} `))),
    ).toEqual(SEALED.filter((name) => name !== 'rejected'));
  });

  it('keeps what came of somebody who was asked for as the rest', async () => {
    const { ledger, redis } = await rigWith({ encryptionKeys: [NEW] });
    const id = await ledger.asks.add({ by: 'test', full: false, person: 'p5@acme.example' });
    const outcome = {
      outcome: 'rejected',
      sourceId: 'p5@acme.example',
      ref: 'ref',
      says: 'Person 5',
    } as const;
    await ledger.asks.close([id], outcome);
    expectNothingPlanted(await keptBesideLinks(redis));
    expect(await ledger.asks.state(id)).toEqual({ kind: 'looked', person: outcome });
  });

  it('is carried out by workers as any other', async () => {
    const rig = await busy([NEW]);
    rig.calls();
    await rig.drain();
    expect(rig.calls()).toContain(POST);
    expect(rig.sandbox.state().users.map(({ userName }) => userName)).toContain('p4@acme.example');
  });

  it('notes a userName that is posted again once', async () => {
    const { ledger } = await busy([NEW]);
    const { ref } = await ledger.begin();
    const intent = await ledger.intend(ref('E5'), 'v2', { posted: 'p5@acme.example' });
    expect(intent.posted).toEqual(['p5@acme.example']);
    const other = await ledger.intend(ref('E5'), 'v3', { posted: 'p6@acme.example' });
    expect(other.posted).toEqual(['p5@acme.example', 'p6@acme.example']);
  });

  it.each([
    ['after a rotation', [OLD], [NEW, OLD]],
    ['once a key is set', [], [NEW]],
  ])('is sealed anew, and whole, %s', async (_, before, after) => {
    const rig = await busy(before);
    const was = await read(rig.ledger);
    const ledger = reopened(rig, after);
    await ledger.begin();
    const alone = reopened(rig, [NEW]);
    await alone.begin();
    expect(await read(alone)).toEqual(was);
    expectNothingPlanted(await keptBesideLinks(rig.redis));
    expect(await refusal(read(reopened(rig, [OLD])))).toBe('ledger.key');
  });

  it('is refused without its key, and under another one, also where it is only looked at', async () => {
    const rig = await busy([NEW]);
    await rig.ledger.begin();
    for (const keys of [[], [OLD]]) {
      expect(await refusal(reopened(rig, keys).begin())).toBe('ledger.key');
      expect(await refusal(reopened(rig, keys).look())).toBe('ledger.key');
    }
    expect(await refusal(reopened(rig, [OLD, NEW]).begin())).toBe('nothing was refused');
  });

  it('refuses a row that was moved to another person', async () => {
    const rig = await busy([NEW]);
    const [first = '', second = ''] = await rig.redis.hkeys(rig.keys.outbox);
    await rig.redis.hset(rig.keys.outbox, first, (await rig.redis.hget(rig.keys.outbox, second)) ?? '');
    expect(await refusal(rig.ledger.outbox.get(first))).toBe('ledger.moved');
  });

  it.each(SEALED)('is whole again after a try or two, where somebody moved a value of %s', async (name) => {
    const rig = await busy([NEW]);
    await moveIn(rig, name);
    const tries = [];
    for (let n = 0; n < 2; n++) tries.push(await refusal(rig.reconcile({ changes: true })));
    expect(['ledger.moved', 'nothing was refused']).toContain(tries[0]);
    expect(tries[1]).toBe('nothing was refused');
    await rig.drain();
    await rig.reconcile({ full: true });
    await rig.drain();
    expect(await refusal(read(rig.ledger))).toBe('nothing was refused');
    expect(rig.sandbox.state().users.map(({ userName }) => userName)).toContain('p4@acme.example');
  });

  it('lets go of a moved name that a worker has met, and asks Omni before it sends', async () => {
    const rig = await busy([NEW]);
    const ref = await refOf(rig, 'E4');
    await rig.ledger.intend(ref, 'v1', { posted: 'p4@acme.example' });
    const note = JSON.parse((await rig.redis.hget(rig.keys.intents, ref)) ?? '');
    const posted = [createEnvelope([NEW]).at('elsewhere').write('p4@acme.example')];
    await rig.redis.hset(rig.keys.intents, ref, JSON.stringify({ ...note, posted }));
    await rig.drain();
    expect(rig.setbacks).toMatchObject([{ code: 'ledger.moved' }]);
    await rig.reconcile();
    expect(await rig.ledger.intent(ref)).toMatchObject({ posted: [] });
  });

  it.each(['outbox', 'quarantine'] as const)(
    'has a worker go on with everybody else where one of %s was moved',
    async (name) => {
      const rig = await busy([NEW]);
      await moveIn(rig, name);
      const waiting = await rig.ledger.outbox.size();
      await rig.drain();
      expect(rig.setbacks).toMatchObject([{ code: 'ledger.moved' }]);
      expect(await rig.ledger.outbox.size()).toBeLessThan(waiting);
      expect(await rig.queues.apply.getActiveCount()).toBe(0);
    },
  );
});

/** Makes a value of this key one that was sealed for another place. */
async function moveIn({ redis, keys }: Rig, name: (typeof SEALED)[number]): Promise<void> {
  const key = keys[name];
  const other = createEnvelope([NEW]).at('elsewhere').write('p5@acme.example', 'r');
  if (name === 'watermark') return void (await redis.set(key, other));
  const [field = '', text = ''] = Object.entries(await redis.hgetall(key))[0] ?? [];
  const moved =
    name === 'intents'
      ? JSON.stringify({ ...JSON.parse(text), posted: [other] })
      : text.slice(0, text.lastIndexOf('\n') + 1) + other;
  await redis.hset(key, field, moved);
}
