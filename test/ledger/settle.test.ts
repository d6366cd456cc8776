import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createCommitter } from '../../ledger/commit.ts';
import { syncKeys } from '../../ledger/keys.ts';
import { acquireHand, acquireLease } from '../../ledger/lease.ts';
import { createLinks } from '../../ledger/links.ts';
import { type ScriptedRedis, withScripts } from '../../ledger/scripts.ts';
import { createSettler, type Settlement } from '../../ledger/settle.ts';
import type { Link } from '../../model/link.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

const keys = syncKeys('acme');
const fingerprint = Buffer.alloc(8, 7);

let server: TestRedis;
let redis: ScriptedRedis;

beforeAll(async () => {
  server = await startRedis();
  redis = withScripts(server.client());
});
afterAll(() => server.stop());
beforeEach(async () => void (await redis.flushall()));

const READ: Link = {
  sourceId: 'E1',
  omniId: randomUUID(),
  userName: 'p1@acme.example',
  provenance: 'created',
  state: 'active',
  since: 1_700_000_000,
  protected: false,
  confirmed: new Set(['12345']),
};
const SHIELDED = { ...READ, protected: true };

function settlement(before: Link | undefined): Settlement {
  const effect = { kind: 'put', link: SHIELDED, fingerprint } as const;
  return { ref: 'ref', sourceId: 'E1', version: 'v1', effect, before, run: 'run', calls: 0 };
}

async function put(link: Link): Promise<void> {
  const effect = { kind: 'put', link, fingerprint } as const;
  await createCommitter(redis, keys).commit({ ...settlement(undefined), effect });
}

async function lease() {
  const taken = await acquireLease(redis, keys, randomUUID());
  if (taken === undefined) throw new Error('the lease is taken');
  return taken;
}

const link = () => createLinks(redis, keys).get('E1');
const settle = (before: Link | undefined, token: string) =>
  createSettler(redis, keys).settle([settlement(before)], token);

describe('createSettler', () => {
  it('writes a link that is as it was read, and one that was none', async () => {
    const { token, release } = await lease();
    await settle(undefined, token);
    expect(await link()).toEqual(SHIELDED);
    await put(READ);
    await settle(READ, token);
    expect(await link()).toEqual(SHIELDED);
    await release();
  });

  it.each<[string, Link | undefined]>([
    ['was taken away', { ...READ, state: 'deactivated' }],
    ['was renamed', { ...READ, userName: 'other@acme.example' }],
    ['is gone', undefined],
  ])('leaves a link that %s since as it is', async (_, now) => {
    const { token, release } = await lease();
    if (now !== undefined) await put(now);
    await settle(READ, token);
    expect(await link()).toEqual(now);
    await put(READ);
    await settle(undefined, token);
    expect(await link()).toEqual(READ);
    await release();
  });

  it('writes nothing once another has the lease', async () => {
    const { token, release } = await lease();
    await release();
    const other = await lease();
    await put(READ);
    await expect(settle(READ, token)).rejects.toMatchObject({ code: 'reconcile.fenced' });
    expect(await link()).toEqual(READ);
    await other.release();
  });

  it('leaves whom somebody has looked up by hand since the reconcile began', async () => {
    const { token, release } = await lease();
    const hand = await acquireHand(redis, keys, 'hand');
    await put(READ);
    await settle(READ, (await hand?.writeToken()) ?? '');
    expect(await link()).toEqual(SHIELDED);
    await put(READ);
    await settle(READ, token);
    expect(await link()).toEqual(READ);
    await hand?.release();
    await release();
  });
});
