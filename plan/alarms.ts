/** Which alarms hold, and which of them are to be told now, or are over. Pure. */
import type { Alarm, AlarmEvent } from '../model/alarm.ts';
import type { Unready } from '../model/health.ts';

/** What is known of a sync when its alarms are worked out. */
export interface AlarmFacts {
  readonly unready: readonly Unready[];
  readonly held: { readonly count: number; readonly digest: string };
  readonly setAside: readonly { readonly ref: string; readonly code: string; readonly at: number }[];
  /** The last reconcile that has ended. */
  readonly run:
    | {
        readonly id: string;
        readonly ended: boolean;
        readonly complete: boolean;
        readonly read: number;
        /** It asked for changes alone. */
        readonly changes: boolean;
      }
    | undefined;
  /** Short hashes of the API keys that Omni refuses. */
  readonly refusedKeys: readonly string[];
  readonly drifted: number;
}

/** What a recipient was told of one alarm. */
export interface Told {
  readonly event: AlarmEvent;
  readonly cause: string | number;
  readonly text: string;
}

const REFS_SHOWN = 20;

const SILENCE = {
  'silence.scheduler': 'no process of the role scheduler gives a sign of life',
  'silence.worker': 'no process of the role worker gives a sign of life',
  'silence.read': 'the directory was not read to its end for three slots of the schedule',
  'silence.apply': 'people wait, and nobody was carried out for three slots of the schedule',
} as const;
const REDIS = {
  'redis.policy':
    'Redis would drop what it is given: nothing is read or sent until its maxmemory-policy is noeviction',
  'redis.full': 'Redis is filled to 70 % of its maxmemory: nothing new is written, what waits is carried out',
} as const;

/** The alarms that hold. */
export function alarmsOf(facts: AlarmFacts): Alarm[] {
  return [...ofState(facts), ...ofPeople(facts), ...ofRun(facts.run), ...facts.refusedKeys.map(keyRefused)];
}

function ofState({ unready }: AlarmFacts): Alarm[] {
  return unready.flatMap((code): Alarm[] => {
    if (code in SILENCE)
      return [alarm('silence', { key: code, text: SILENCE[code as keyof typeof SILENCE], facts: { code } })];
    if (code in REDIS)
      return [alarm('redis', { key: code, text: REDIS[code as keyof typeof REDIS], facts: { code } })];
    const text = 'Omni refuses every API key: nothing is sent, and what waits is kept';
    return code === 'halted' ? [alarm('halted', { key: code, text, facts: {} })] : [];
  });
}

function ofPeople({ held, setAside, drifted }: AlarmFacts): Alarm[] {
  const found: Alarm[] = [];
  if (held.count > 0) {
    const text = `${held.count} held by the guard: look at them with \`omni-sync leavers\`, then approve or keep them`;
    found.push(alarm('held', { cause: held.digest, text, facts: { ...held } }));
  }
  if (setAside.length > 0) {
    const text = `${setAside.length} set aside after a refusal: \`omni-sync failed\` says why`;
    const newest = setAside.toSorted((a, b) => b.at - a.at);
    const codes = [...new Set(newest.map(({ code }) => code))];
    const refs = newest.slice(0, REFS_SHOWN).map(({ ref }) => ref);
    const facts = { count: setAside.length, codes, refs };
    // Whoever is added is told of, whoever is mended is not.
    found.push(alarm('quarantined', { cause: newest[0]?.at ?? 0, text, facts }));
  }
  if (drifted > 0) {
    const text = `${drifted} changed in Omni by hand: \`omni-sync drift\` names them`;
    found.push(alarm('drift', { cause: drifted, text, facts: { count: drifted } }));
  }
  return found;
}

function ofRun(run: AlarmFacts['run']): Alarm[] {
  if (run === undefined) return [];
  const facts = { run: run.id };
  if (!run.ended) {
    const text =
      'the directory was not read to its end: nobody is taken away for it, `omni-sync status` says why';
    return [alarm('incomplete', { text, facts })];
  }
  if (run.read > 0 || run.changes) return [];
  return [alarm('hollow', { text: 'a read came to its end and held nobody: look at the directory', facts })];
}

function keyRefused(key: string): Alarm {
  const text =
    'Omni refuses an API key (401 or 403 three times in a row): replace it, or say `omni-sync resume`';
  return alarm('keyRefused', { key: `key.${key}`, text, facts: { key } });
}

function alarm(
  event: AlarmEvent,
  { key = event, cause = 'holds', text, facts }: Partial<Alarm> & Pick<Alarm, 'text' | 'facts'>,
): Alarm {
  return { event, key, cause, text, facts };
}

/** Of what holds and what was told: what to tell, and what to say is over, each by its key. */
export function decideAlarms(
  standing: readonly Alarm[],
  told: ReadonlyMap<string, Told>,
): { readonly tell: readonly Alarm[]; readonly resolve: readonly string[] } {
  const keys = new Set(standing.map(({ key }) => key));
  return {
    tell: standing.filter(({ key, cause }) => isNews(cause, told.get(key)?.cause)),
    resolve: [...told.keys()].filter((key) => !keys.has(key)),
  };
}

function isNews(cause: Told['cause'], told: Told['cause'] | undefined): boolean {
  if (typeof cause === 'number' && typeof told === 'number') return cause > told;
  return cause !== told;
}
