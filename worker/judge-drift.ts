/**
 * Weighs looks at accounts against the links: remembers what differs, forgets what does not any more, and hands what is
 * to be set back to the next reconcile. Who is being changed is left alone: a worker knows better then.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lease } from '../ledger/lease.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { DEACTIVATED_PRINT, UNKNOWN_PRINT } from '../ledger/link-index.ts';
import type { StoredLink } from '../ledger/links.ts';
import { linkMark } from '../ledger/packing.ts';
import type { Drifted, DriftRow } from '../model/drift.ts';
import type { OmniUser } from '../model/person.ts';
import { type DriftRules, findDrift, linkToRepair, rememberDrift } from '../plan/drift.ts';
import type { Events } from './events.ts';

export interface JudgeOptions {
  readonly ledger: Ledger;
  readonly mapping: { readonly attributeNames: readonly string[] };
  readonly driftRules: DriftRules;
  readonly events: Events;
  readonly holder: string;
  readonly ref: (sourceId: string) => string;
  /** When the pass began, by Redis's clock, in milliseconds. */
  readonly startedAt: number;
  readonly signal: AbortSignal;
}

/** An account as Omni just showed it, beside its link as it was read after that; without one: it is not there. */
export interface Seen {
  readonly stored: StoredLink;
  readonly account: OmniUser | undefined;
}

export interface Judge {
  weigh(seen: readonly Seen[]): Promise<void>;
  /** Forgets the drift of people who have no account by us any more. */
  forgetUnlinked(): Promise<void>;
  /** Hands over what is left to be set back. */
  close(): Promise<{ readonly compared: number; readonly repairs: number }>;
}

interface Weighed extends Seen {
  readonly ref: string;
  readonly drifted: readonly Drifted[];
}

interface Repair {
  readonly ref: string;
  readonly stored: StoredLink;
  readonly row: DriftRow;
}

const REPAIRS_AT_ONCE = 100;
/** How long a repair that was handed over is waited for before it counts as done, in milliseconds. */
const AWAITED_MS = 24 * 3600 * 1000;
const LOOK_MS = 500;

/** Opens a judge with what is remembered. */
export async function openJudge(options: JudgeOptions): Promise<Judge> {
  const { ledger, driftRules: rules, ref, startedAt } = options;
  const { attributeNames } = options.mapping;
  const rows = await ledger.drift.all();
  let repairs: Repair[] = [];
  let compared = 0;
  let handed = 0;

  async function note({ ref: who, stored, account, drifted }: Weighed): Promise<void> {
    const earlier = rows.get(who);
    const row = rememberDrift({
      look: { link: stored.link, account, attributeNames },
      drifted,
      earlier,
      awaited: isAwaited(stored, earlier, startedAt),
      now: await ledger.now(),
    });
    tellNew({ ref: who, row, earlier }, options.events);
    if (row === undefined) {
      rows.delete(who);
      return ledger.drift.remove([who]);
    }
    rows.set(who, row);
    await ledger.drift.put(who, row);
    if (fieldsToRepair(row).length > 0) repairs.push({ ref: who, stored, row });
  }

  async function handOver(): Promise<void> {
    if (repairs.length === 0) return;
    handed += await handOverAll(repairs, options);
    repairs = [];
  }

  return {
    async weigh(seen) {
      compared += seen.length;
      const weighed = seen.flatMap(({ stored, account }): Weighed[] => {
        const drifted = findDrift({ link: stored.link, account, attributeNames }, rules);
        if (drifted.length === 0 && rows.size === 0) return [];
        const who = ref(stored.link.sourceId);
        return drifted.length > 0 || rows.has(who) ? [{ stored, account, ref: who, drifted }] : [];
      });
      for (const one of await leftAlone(weighed, ledger)) await note(one);
      if (repairs.length >= REPAIRS_AT_ONCE) await handOver();
    },
    async forgetUnlinked() {
      const unseen = [...rows].filter(([, row]) => lastSeen(row) < startedAt);
      const linked = await ledger.links.of(unseen.map(([, { sourceId }]) => sourceId));
      const gone = unseen.filter(([, { sourceId }]) => !linked.has(sourceId));
      await ledger.drift.remove(gone.map(([who]) => who));
    },
    async close() {
      await handOver();
      return { compared, repairs: handed };
    },
  };
}

/**
 * Those of whom nothing waits, nothing is being sent, and whose link is still as it was read. In this order: a write
 * that Omni carried out before it was looked at, and whose commit came after the link was read, shows in one of them.
 */
async function leftAlone(weighed: readonly Weighed[], ledger: Ledger): Promise<Weighed[]> {
  const busy = await Promise.all(weighed.map(({ ref }) => isBusy(ref, ledger)));
  const links = await ledger.links.of(weighed.map(({ stored }) => stored.link.sourceId));
  return weighed.filter(({ stored: { link } }, i) => {
    const now = links.get(link.sourceId)?.link;
    return busy[i] === false && now !== undefined && linkMark(now) === linkMark(link);
  });
}

async function isBusy(ref: string, ledger: Ledger): Promise<boolean> {
  const [row, intent] = await Promise.all([ledger.outbox.get(ref), ledger.intent(ref)]);
  return row !== undefined || intent !== undefined;
}

/** Whether what was handed over may not be written yet: the link is still as the pass has left it, and not for long. */
function isAwaited({ link, fingerprint }: StoredLink, row: DriftRow | undefined, now: number): boolean {
  const untouched = link.state === 'deactivated' || fingerprint.equals(UNKNOWN_PRINT);
  return untouched && row !== undefined && now - lastSeen(row) < AWAITED_MS;
}

function lastSeen({ fields }: DriftRow): number {
  return Math.max(0, ...Object.values(fields).map(({ seen }) => seen));
}

function tellNew(
  { ref, row, earlier }: { ref: string; row: DriftRow | undefined; earlier: DriftRow | undefined },
  events: Events,
): void {
  const fresh = Object.entries(row?.fields ?? {}).filter(([field]) => earlier?.fields[field] === undefined);
  if (row === undefined || fresh.length === 0) return;
  events.drifted({ ref, omniId: row.omniId, fields: fresh.map(([field, { mode }]) => ({ field, mode })) });
}

function fieldsToRepair({ fields }: DriftRow): string[] {
  return Object.entries(fields)
    .filter(([, { mode, handed }]) => mode === 'repair' && handed !== true)
    .map(([field]) => field);
}

/** Under the lease, so that no reconcile holds a link to be in step that it has read before. Returns how many were handed over. */
async function handOverAll(repairs: readonly Repair[], options: JudgeOptions): Promise<number> {
  const lease = await waitForLease(options);
  try {
    let count = 0;
    for (const repair of repairs) if (await handOver(repair, lease, options.ledger)) count++;
    return count;
  } finally {
    await lease.release();
  }
}

async function waitForLease({ ledger, holder, signal }: JudgeOptions): Promise<Lease> {
  for (;;) {
    const lease = await ledger.lease(holder);
    if (lease !== undefined) return lease;
    await sleep(LOOK_MS, undefined, { signal });
  }
}

/** The row first: a death before the link is changed leaves a drift that is found again. */
async function handOver({ ref, stored, row }: Repair, lease: Lease, ledger: Ledger): Promise<boolean> {
  const fields = fieldsToRepair(row);
  const now = fields.map((field) => [field, { ...row.fields[field], handed: true }]);
  await ledger.drift.put(ref, { ...row, fields: { ...row.fields, ...Object.fromEntries(now) } });
  const after = linkToRepair(stored.link, fields);
  const fingerprint = after?.state === 'deactivated' ? DEACTIVATED_PRINT : UNKNOWN_PRINT;
  const done = await ledger.drift.correct({ ref, before: stored.link, after, fingerprint }, lease.token);
  if (done && after === undefined) await ledger.register.release(stored.link.omniId);
  return done;
}
