/** Every Redis key of the ledger, in one list. Keys of one sync share a hash tag, so that a script stays on one slot. */

/** Buckets that links are spread over; a power of two. */
export const BUCKETS = 16_384;
/** Buckets whose fingerprints share one hash, so that the whole index is read in few commands. */
export const BUCKETS_PER_GROUP = 1_024;

/** The hash tag of a sync, which is BullMQ's prefix as well. */
export function syncTag(sync: string): string {
  return `{omni-sync:${sync}}`;
}

/** The keys of one sync. */
export function syncKeys(sync: string) {
  const key = (name: string) => `${syncTag(sync)}:${name}`;
  return { ...peopleKeys(key), ...workKeys(key) };
}

/** What is known of people and accounts. */
function peopleKeys(key: (name: string) => string) {
  return {
    /** hash: schema version, identity, epoch, how far it has counted, ref key, whether Omni's accounts were correlated. */
    meta: key('meta'),
    /** string per bucket: packed links. */
    links: (bucket: number) => key(`links:${bucket}`),
    /** hash per group: bucket → the fingerprints of its links, in the links' order. */
    index: (group: number) => key(`index:${group}`),
    /** hash: ref → version and desired state waiting to be applied. */
    outbox: key('outbox'),
    /** hash: ref → when a create was about to be sent. */
    intents: key('intents'),
    /** hash: ref → why this person is set aside, or waits for a next try. */
    quarantine: key('quarantine'),
    /** string: from where the next read of changes goes on, and what it must know of the last full read. */
    watermark: key('watermark'),
    /** hash: where a record stands → why it cannot become a desired user. */
    rejected: key('rejected'),
    /** string: Omni's attribute definitions as last read; and a mark that expires a day after. */
    definitions: key('definitions'),
    definitionsFresh: key('definitions:fresh'),
    /** hash: ref → tombstone of a leaver. */
    leavers: key('leavers'),
    /** hash: ref → since when the leaver was not wanted that an operator let go. */
    approvals: key('approvals'),
    /** set: refs of people whom an operator keeps. */
    keeps: key('keeps'),
    /** hash: ref → a change that waits for an operator's word; ref → the word. */
    held: key('held'),
    answers: key('answers'),
    /** sorted set: who passed the guard, by when; one for each of its two looks. */
    passed: (look: 'missing' | 'due') => key(`passed:${look}`),
    /** hash: omniId → address key of an account that nobody in the directory had, when Omni was last listed. */
    unmatched: key('unmatched'),
    /** hash: ref → fields that were changed in Omni by hand. */
    drift: key('drift'),
    /** hash: where the rolling read of a verify pass goes on; how the last pass went. */
    verify: key('verify'),
  };
}

/** What was asked, runs and has been done. */
function workKeys(key: (name: string) => string) {
  return {
    /** hash: ask id → what was asked, until a run has done it. */
    asks: key('asks'),
    /** string: the run that did an ask, or what came of its person, as JSON; expires. */
    askDone: (id: string) => key(`ask:${id}`),
    /** string: the token of the reconcile that runs. */
    lease: key('lease'),
    /** counter: the fencing token. */
    fence: key('fence'),
    /** string and counter: the same of who looks single people up by hand. */
    hand: key('hand'),
    handFence: key('hand:fence'),
    /** set: refs of people looked up by hand since the last reconcile began: what it read of them may be older. */
    asked: key('asked'),
    /** list: ids of the last runs, newest first. */
    runs: key('runs'),
    /** hash: one run's record and counts. */
    run: (id: string) => key(`run:${id}`),
    /** stream, capped: what was done. */
    audit: key('audit'),
    /** string: a slot of a schedule that a scheduler has claimed; expires. */
    tick: (schedule: string, slot: number) => key(`tick:${schedule}:${slot}`),
    /** hash: role → when one of its processes last gave a sign of life. */
    signs: key('signs'),
    /** string: when all was last in step. */
    converged: key('converged'),
    /** hash: recipient and alarm → what was told; and a mark of who tells now, which expires. */
    alarms: key('alarms'),
    alarming: key('alarms:telling'),
  };
}

export type SyncKeys = ReturnType<typeof syncKeys>;

/** hash of a share of an Omni host's accounts: omniId (16 bytes) → sync. */
export function registerKey(host: string, share: string): string {
  return `{omni-register:${host}}:${share}`;
}

/** hash: audit chain → its head, of all syncs together: a host's processes write one chain. */
export const AUDIT_HEADS_KEY = '{omni-audit}:heads';
