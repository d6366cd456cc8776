/**
 * Intents: that a write to Omni is about to be sent, noted before it is. One that stands was perhaps carried out; a
 * commit ends it.
 */
import { jobDone } from '../model/job-lost.ts';
import { PLAIN, type Sealed } from './envelope.ts';
import type { SyncKeys } from './keys.ts';
import type { ScriptedRedis } from './scripts.ts';

/** A write to Omni was about to be sent, and it is not known whether it was, or what came of it. */
export interface Intent {
  /** When it was first meant, in milliseconds since 1970 by Redis's clock. */
  readonly at: number;
  /** The desired state that was sent; empty where there were several, of which an account may hold any. */
  readonly version: string;
  /** A removal may be among what was sent. */
  readonly leave: boolean;
  /** The userNames of the creates that may have been carried out. */
  readonly posted: readonly string[];
  /** Whose link was to move to this person: what may have been sent was about that one's account. */
  readonly from?: Former;
}

/** A sourceId that has the link of a person's account still. */
export interface Former {
  readonly sourceId: string;
  readonly ref: string;
}

/** What of a write is to be remembered if it is broken off. */
export interface Meant {
  readonly leave?: true;
  readonly posted?: string;
  readonly from?: Former | undefined;
}

export interface Intents {
  /** The intent of this person's, if one stands: a write may have been sent, and no commit came after it. */
  intent(ref: string): Promise<Intent | undefined>;
  /**
   * Notes that a write of this version is about to be sent; the time of an earlier note stands.
   * @throws an error that `isJobLost` knows where nothing waits for this person any more
   */
  intend(ref: string, version: string, what?: Meant): Promise<Intent>;
  /** Forgets the intent: nothing of it was carried out. */
  disclaim(ref: string): Promise<void>;
}

/** An intent as it is written; each userName as it is sealed. */
export type Note = { at: string } & Pick<Intent, 'version'> &
  Partial<Pick<Intent, 'leave' | 'posted' | 'from'>>;

/** The intents of one sync. */
export function createIntents(
  redis: ScriptedRedis,
  { intents, outbox }: SyncKeys,
  envelope = PLAIN,
): Intents {
  const sealed = envelope.at(intents);
  /** As it was noted before, where it was: sealed anew it would look like another one to the script. */
  async function noted(ref: string, userName: string): Promise<string> {
    const earlier = envelope.sealsWith === undefined ? null : await redis.hget(intents, ref);
    const texts = earlier === null ? [] : ((JSON.parse(earlier) as Note).posted ?? []);
    return texts.find((text) => sealed.read(text, ref) === userName) ?? sealed.write(userName, ref);
  }
  return {
    async intent(ref) {
      const text = await redis.hget(intents, ref);
      return text === null ? undefined : parse(ref, text, sealed);
    },
    async intend(ref, version, what) {
      const leave = what?.leave === true ? 'leave' : '';
      const from = what?.from === undefined ? '' : JSON.stringify(what.from);
      const posted = what?.posted === undefined ? '' : await noted(ref, what.posted);
      const text = await redis.intend(intents, outbox, ref, version, leave, posted, from);
      if (text === null) throw jobDone();
      return parse(ref, text, sealed);
    },
    disclaim: async (ref) => void (await redis.hdel(intents, ref)),
  };
}

function parse(ref: string, text: string, sealed: Sealed): Intent {
  const note = JSON.parse(text) as Note;
  return {
    at: Number(note.at),
    version: note.version,
    leave: note.leave === true,
    posted: (note.posted ?? []).map((name) => sealed.read(name, ref) as string),
    ...(note.from && { from: note.from }),
  };
}
