/** Tells recipients which alarms hold and which are over, each once, whoever looks: never in the way of syncing. */
import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { Http } from '../http/http.ts';
import type { Alarm } from '../model/alarm.ts';
import { faultFacts } from '../model/fault.ts';
import type { Unready } from '../model/health.ts';
import { type AlarmFacts, alarmsOf, decideAlarms, type Told } from '../plan/alarms.ts';
import { changesDigest, heldDigest } from '../plan/held.ts';
import { type Recipient, type RecipientConfig, recipientOf } from './recipient.ts';
import type { SyncParts } from './sync.ts';

export interface AlarmsOptions {
  /** As they are configured now. */
  readonly recipients: () => readonly RecipientConfig[];
  readonly send: Http;
  readonly log: Logger;
}

export interface Alarming {
  /** Works out and tells the alarms of these syncs, unless it is still at it. `unready`: of each, with what holds for all. */
  round(syncs: readonly { readonly sync: SyncParts; readonly unready: readonly Unready[] }[]): void;
  /** Waits for what is being told. */
  stop(): Promise<void>;
}

/** How long a recipient that could not be told is left alone, in milliseconds. */
const AGAIN_MS = 60_000;
/** Reconciles to look back through for one that has ended. */
const LOOK_BACK = 5;

/** Makes it; nothing is told before the first round. */
export function createAlarming({ recipients, send, log }: AlarmsOptions): Alarming {
  const holder = randomUUID();
  const notBefore = new Map<string, number>();
  let busy: Promise<void> | undefined;

  async function tellSync(sync: SyncParts, unready: readonly Unready[]): Promise<void> {
    const all = recipients().map((one) => recipientOf(one, send));
    const free = all.filter(({ id }) => (notBefore.get(id) ?? 0) <= performance.now());
    if (free.length === 0 || !(await sync.ledger.alarms.claim(holder))) return;
    try {
      const standing = alarmsOf(await factsOf(sync, unready));
      for (const one of free) {
        await tellOne(one, { sync, standing }).catch((error: unknown) => {
          notBefore.set(one.id, performance.now() + AGAIN_MS);
          const why = error instanceof Error ? error.message : String(error);
          log.warn({ sync: sync.name, recipient: one.id, error: why }, 'an alarm could not be told');
        });
      }
    } finally {
      await sync.ledger.alarms.release(holder);
    }
  }

  return {
    round(syncs) {
      if (recipients().length === 0) return;
      busy ??= Promise.all(syncs.map(({ sync, unready }) => tellSync(sync, unready)))
        .then(() => undefined)
        .catch((error: unknown) => log.warn(faultFacts(error), 'alarms could not be worked out'))
        .finally(() => {
          busy = undefined;
        });
    },
    stop: async () => void (await busy),
  };
}

interface Telling {
  readonly sync: SyncParts;
  readonly standing: readonly Alarm[];
}

async function tellOne(recipient: Recipient, { sync, standing }: Telling): Promise<void> {
  const { name, ledger } = sync;
  const told = new Map(
    [...(await ledger.alarms.told(recipient.id))].map(([key, text]) => [key, JSON.parse(text) as Told]),
  );
  const wanted = standing.filter(({ event }) => recipient.on.includes(event));
  const { tell, resolve } = decideAlarms(wanted, told);
  const at = new Date().toISOString();
  for (const { event, key, cause, text, facts } of tell) {
    await recipient.tell({
      text: `omni-sync ${name}: ${text}`,
      event,
      state: 'firing',
      sync: name,
      at,
      facts,
    });
    await ledger.alarms.note(recipient.id, key, JSON.stringify({ event, cause, text } satisfies Told));
  }
  for (const key of resolve) {
    const { event = 'silence', text = key } = told.get(key) ?? {};
    const over = `omni-sync ${name}: over: ${text}`;
    await recipient.tell({ text: over, event, state: 'resolved', sync: name, at, facts: {} });
    await ledger.alarms.forget(recipient.id, key);
  }
}

async function factsOf({ ledger, budget }: SyncParts, unready: readonly Unready[]): Promise<AlarmFacts> {
  const [leavers, changes, aside, runs, snapshot, drifted] = await Promise.all([
    ledger.leavers.all(),
    ledger.held.all(),
    ledger.quarantine.all(),
    ledger.runs.recent(LOOK_BACK),
    budget.snapshot(),
    ledger.drift.count(),
  ]);
  const leaving = leavers.filter(({ stage }) => stage === 'held');
  const open = changes.filter(({ answer }) => answer === undefined);
  const run = runs.find(({ finishedAt }) => finishedAt !== undefined);
  return {
    unready,
    held: { count: leaving.length + open.length, digest: `${heldDigest(leaving)} ${changesDigest(open)}` },
    setAside: aside.filter(({ until }) => until !== 'time'),
    run: run && { ...run, changes: run.kind === 'changes' },
    refusedKeys: snapshot.keys.filter(({ refused }) => refused).map(({ id }) => id),
    drifted,
  };
}
