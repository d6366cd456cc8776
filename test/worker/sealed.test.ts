/** What Redis keeps of people under `redis.encryptionKey`: nothing to be read, and nothing lost by a rotation. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createLedger, type Ledger } from '../../ledger/ledger.ts';
import { isSyncError } from '../../model/errors.ts';
import { expectNothingPlanted, keptBesideLinks } from '../support/leaks.ts';
import { crowd, person } from '../support/people.ts';
import { rigsOfFile, round } from './living.ts';
import { POST, type Rig } from './rig.ts';

const rigWith = rigsOfFile();
const OLD = 'an-older-key-of-more-than-32-characters-0';
const NEW = 'a-newer-key-of-more-than-32-characters-00';
const HOUR = 3_600_000;

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
  await ledger.intend('ref', 'v1', { posted: 'p5@acme.example' });
  const setback = { sourceId: 'E1', version: 'v', kind: 'refused', code: 'c', until: 'change' } as const;
  const told = { run: 'run', calls: 0, waitMs: 0 };
  await ledger.quarantine.put('ref', { ...setback, message: 'p5@acme.example' }, told);
  return rig;
}

/** All that is sealed, as the product reads it. */
async function read(ledger: Ledger): Promise<unknown> {
  const rows: unknown[] = [];
  for await (const page of ledger.outbox.rows()) rows.push(...page);
  const lists = [ledger.leavers.all(), ledger.held.all(), ledger.unmatched(), ledger.rejections()];
  const rest = [ledger.asks.people(), ledger.intent('ref'), ledger.quarantine.all()];
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

  it('is carried out by workers as any other', async () => {
    const rig = await busy([NEW]);
    rig.calls();
    await rig.drain();
    expect(rig.calls()).toContain(POST);
    expect(rig.sandbox.state().users.map(({ userName }) => userName)).toContain('p4@acme.example');
  });

  it('notes a userName that is posted again once', async () => {
    const { ledger } = await busy([NEW]);
    const intent = await ledger.intend('ref', 'v2', { posted: 'p5@acme.example' });
    expect(intent.posted).toEqual(['p5@acme.example']);
    const other = await ledger.intend('ref', 'v3', { posted: 'p6@acme.example' });
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
});
