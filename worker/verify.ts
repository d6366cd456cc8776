/**
 * One verify pass: Omni's list, and a few accounts in full, beside what we last confirmed. It reads alone and writes
 * nothing to Omni: what is to be set back is handed to the next reconcile. It may be killed anywhere and begun again.
 */
import { addReconcileJob } from '../jobs/add.ts';
import type { Queues } from '../jobs/queues.ts';
import type { VerifyPass } from '../ledger/drift.ts';
import { BUCKETS } from '../ledger/keys.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { batches, type StoredLink } from '../ledger/links.ts';
import type { Budget } from '../model/budget.ts';
import { isSyncError } from '../model/errors.ts';
import type { Link } from '../model/link.ts';
import type { OmniUser } from '../model/person.ts';
import type { Omni } from '../omni/client.ts';
import { isKnown } from '../plan/confirmed.ts';
import type { DriftRules } from '../plan/drift.ts';
import type { Events } from './events.ts';
import { type Judge, openJudge } from './judge-drift.ts';
import { type Known, knownAccounts } from './known-accounts.ts';
import { spendFrom } from './spending.ts';

export interface VerifyDeps {
  readonly ledger: Ledger;
  readonly queues: Queues;
  readonly omni: Omni;
  /** The slack of the host's budget: every request of a pass takes its turn there. */
  readonly slack: Budget;
  readonly mapping: { readonly attributeNames: readonly string[] };
  readonly driftRules: DriftRules;
  readonly events: Events;
  readonly holder: string;
}

/** So many passes see everyone's attributes; and so many people a pass sees at least. */
const PASSES = 30;
const FEWEST_READS = 100;
const BUCKETS_AT_ONCE = 256;

/** Runs one pass. What Omni or the ledger refuses ends it, and is noted; a bug is thrown, and what a stop does. */
export async function verify(deps: VerifyDeps, signal: AbortSignal): Promise<void> {
  const { ledger } = deps;
  const { ref, cold } = await ledger.begin();
  // A ledger that knows nobody has nothing to compare; the next reconcile lists Omni anyway.
  if (cold) return;
  const startedAt = await ledger.now();
  const spending = spendFrom(deps.slack, undefined);
  const judge = await openJudge({ ...deps, ref, startedAt, signal });
  const known = await knownAccounts(ledger.links);
  const omni = deps.omni.withBudget(spending);
  const problem = await problemOf(() => comparePass({ deps, omni, judge, known, signal }));
  const { compared, repairs } = await judge.close();
  if (repairs > 0) {
    await ledger.asks.add({ by: 'drift', full: false });
    await addReconcileJob(deps.queues);
  }
  const pass: VerifyPass = {
    startedAt: new Date(startedAt).toISOString(),
    finishedAt: new Date(await ledger.now()).toISOString(),
    ...(problem !== undefined && { problem }),
    compared,
    calls: spending.takeCount(),
  };
  await ledger.drift.notePass(pass);
  deps.events.verified({ ...pass, drifted: await ledger.drift.count(), repairs });
}

/** What the parts of a pass share. */
interface Pass {
  readonly deps: VerifyDeps;
  readonly omni: Omni;
  readonly judge: Judge;
  readonly known: Known;
  readonly signal: AbortSignal;
}

async function problemOf(work: () => Promise<void>): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (!isSyncError(error)) throw error;
    return error.message;
  }
}

async function comparePass(pass: Pass): Promise<void> {
  const { omni, judge, signal } = pass;
  for await (const page of omni.listUsers(signal)) await comparePage(page, pass);
  // Only now: of a list that ends early nobody is known to be gone.
  await lookForUnmet(pass);
  await readOn(pass);
  await judge.forgetUnlinked();
}

async function comparePage(page: readonly OmniUser[], { known, judge }: Pass): Promise<void> {
  const links = await known.meet(page.map(({ id }) => id));
  const looks = page.flatMap((account) => {
    const stored = links.get(account.id.toLowerCase());
    return stored === undefined ? [] : [{ stored, account }];
  });
  await judge.weigh(looks);
}

/** Asks for active accounts that the list lacks: inactive ones may not be listed. */
async function lookForUnmet(pass: Pass): Promise<void> {
  const { known, deps } = pass;
  for (const batch of batches(known.unmetBuckets(), BUCKETS_AT_ONCE)) {
    for await (const page of deps.ledger.links.stored(batch)) {
      for (const stored of page) {
        if (known.isUnmet(stored) && stored.link.state === 'active') await lookAt(stored, pass);
      }
    }
  }
}

/** Reads on where the last pass has left off, whole buckets, once round at most. */
async function readOn(pass: Pass): Promise<void> {
  const { drift, links } = pass.deps.ledger;
  let left = Math.max(FEWEST_READS, Math.ceil(pass.known.size / PASSES));
  let last = await drift.cursor();
  for await (const stored of linksFrom(last, links)) {
    if (stored.bucket !== last) {
      last = stored.bucket;
      await drift.setCursor(last);
      if (left <= 0) return;
    }
    if (!knowsAttributes(stored.link, pass)) continue;
    await lookAt(stored, pass);
    left--;
  }
}

/** Every link, from this bucket on and round. */
async function* linksFrom(start: number, links: Ledger['links']): AsyncGenerator<StoredLink> {
  const buckets = Array.from({ length: BUCKETS }, (_, n) => (start + n) % BUCKETS);
  for (const batch of batches(buckets, BUCKETS_AT_ONCE)) {
    for await (const page of links.stored(batch)) yield* page;
  }
}

function knowsAttributes({ state, confirmed }: Link, { deps }: Pass): boolean {
  return state === 'active' && deps.mapping.attributeNames.some((name) => isKnown(confirmed, `@${name}`));
}

async function lookAt(stored: StoredLink, { omni, judge, signal }: Pass): Promise<void> {
  const account = await omni.getUser(stored.link.omniId, signal).catch((error: unknown) => {
    if (isSyncError(error, 'missing')) return undefined;
    throw error;
  });
  await judge.weigh([{ stored, account }]);
}
