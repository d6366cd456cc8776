/** A company whose people leave and come back while the runs that should see to it are killed, and the verdict on that. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { type Journey, type JourneyOptions, type Person, somePeople } from './journey.ts';
import { killRunAtRandom } from './kill-at-random.ts';
import { readLedger } from './ledger.ts';

const GRACE_MS = 2_000;
/**
 * Who never leaves. So many that the guard lets everyone leave twice within its window: who left, came back and leaves
 * again counts twice, and never more than half may go.
 */
const STAYERS = 50;
const RESTLESS = 12;
const STEPS = [
  'reconcile.outbox',
  'reconcile.jobs',
  'reconcile.read',
  'apply.taken',
  'apply.intent',
  'apply.answered',
  'apply.committed',
];

/** How a record says that its person is not wanted; nothing: there is no record. */
const OUT = [undefined, 'left', 'elsewhere'] as const;
const OFFICES = ['Berlin', 'Oslo', 'Rome'] as const;

const any = (limit: number) => Math.floor(Math.random() * limit);

/** A span in which the directory did not want somebody; wall clock, in milliseconds, the widest that it may have been. */
interface Absence {
  readonly from: number;
  to: number;
  /** When a run had ended that knew of their return. */
  settled: number;
  taken: boolean;
}

interface Member extends Person {
  readonly office: string;
  wanted: boolean;
  readonly absences: Absence[];
}

export interface LeaverKills {
  readonly journey: Journey;
  readonly kills: number;
  readonly betweenVerdicts: number;
  readonly tell?: (line: string) => void;
}

/** What an installation needs for `killLeavers`, beside its policy. */
export const LEAVER_COMPANY: JourneyOptions = {
  sandbox: { attributes: [{ name: 'region' }] },
  users: 'attributes: { region: office }\nactive: office != "left"\nwhere: office != "elsewhere"',
};

/** The configuration with the policy full, a short grace and this action. */
export function takingAway(action: string): (yaml: string) => string {
  const leavers = `leavers: { action: ${action}, grace: ${GRACE_MS / 1000}s, limit: 1000 }`;
  return (yaml) => `${yaml.replace('policy: upsert', 'policy: full')}    ${leavers}\n`;
}

/** Kills runs until `kills` have died, with people leaving and coming back between; looks at all of it now and then, and at the end. */
export async function killLeavers({ journey, kills, betweenVerdicts, tell }: LeaverKills): Promise<void> {
  const members = somePeople(STAYERS + RESTLESS).map(memberOf);
  await rewrite(journey, members, () => undefined);
  await expectVerdict(journey, members);
  for (let killed = 0, since = 0; killed < kills; ) {
    await rewrite(journey, members, (all) => {
      for (const member of all.slice(STAYERS)) if (any(3) === 0) turn(member);
      for (const member of all) if (member.wanted && any(12) === 0) move(all, member);
    });
    if (!(await killOnce(journey, members))) continue;
    killed++;
    since++;
    if (since < betweenVerdicts && killed < kills) continue;
    await expectVerdict(journey, members);
    since = 0;
    const removals = journey.sandbox.calls().filter(({ removed }) => removed).length;
    tell?.(`${killed} kills, ${removals} removals, ${absencesOf(members)} absences, all in step`);
  }
}

function memberOf(person: Person, at: number): Member {
  return { ...person, office: OFFICES[at % OFFICES.length] ?? '', wanted: true, absences: [] };
}

/** Leaves in one of the ways, or leaves in another one, or is back. */
function turn(member: Member): void {
  const { absences } = member;
  if (member.wanted) absences.push({ from: Date.now(), to: Infinity, settled: Infinity, taken: false });
  member.wanted = member.wanted ? false : any(3) > 0;
}

function move(all: Member[], member: Member): void {
  all[all.indexOf(member)] = { ...member, office: OFFICES[any(OFFICES.length)] ?? '' };
}

/** Changes the company and writes it down; who is back then is so from when it was written. */
async function rewrite(journey: Journey, members: Member[], change: (all: Member[]) => void): Promise<void> {
  change(members);
  const records = members.flatMap((member) => {
    if (member.wanted) return [member];
    const office = OUT[any(OUT.length)];
    return office === undefined ? [] : [{ ...member, office }];
  });
  journey.people(records);
  for (const { wanted, absences } of members) {
    const last = absences.at(-1);
    if (wanted && last?.to === Infinity) last.to = Date.now();
  }
}

/** Half die at a step, half at a moment. Returns whether it died: a short run may end before. */
async function killOnce(journey: Journey, members: readonly Member[]): Promise<boolean> {
  if (any(2) === 0) {
    const { signal, stdout } = await journey.crashRun(STEPS[any(STEPS.length)] ?? '', 1 + any(3)).ended;
    if (stdout.includes('reconciled')) settle(members);
    return signal === 'SIGKILL';
  }
  const { signal, code } = await killRunAtRandom(journey);
  if (code === 0) settle(members);
  return signal === 'SIGKILL';
}

/** A run has ended that saw everybody, and wrote down what it saw: who is back by then is not taken away any more. */
function settle(members: readonly Member[]): void {
  const now = Date.now();
  for (const absence of members.flatMap(({ absences }) => absences)) {
    if (absence.to < now && absence.settled === Infinity) absence.settled = now;
  }
}

async function expectVerdict(journey: Journey, members: readonly Member[]): Promise<void> {
  // The first run notices who is gone, and finds the accounts that killed creates made; the grace of those begins with the
  // next. Whom process after process died over is left for a later run, and said.
  for (let runs = 0, clean = 0; clean < 3; runs++) {
    expect(runs).toBeLessThan(6);
    const { isClean, codes } = await finishRun(journey, members);
    expect(codes.filter((code) => code !== 'job.poison')).toEqual([]);
    if (isClean) clean++;
    await sleep(GRACE_MS);
  }
  const wanted = members.filter((member) => member.wanted);
  const active = journey.sandbox.state().users.filter((user) => user.active);
  expect(active.map(({ userName }) => userName).sort()).toEqual(wanted.map(({ email }) => email).sort());
  const offices = new Map(active.map(({ userName, attributes }) => [userName, attributes.region]));
  for (const { email, office } of wanted) expect(offices.get(email)).toBe(office);
  expectRemovalsDue(journey, members);
  const { links, outbox, intents } = await readLedger(journey);
  const ids = new Map(active.map(({ userName, id }) => [userName, id]));
  expect(
    new Map(links.flatMap((link) => (link.state === 'active' ? [[link.sourceId, link.omniId]] : []))),
  ).toEqual(new Map(wanted.map(({ id, email }) => [id, ids.get(email)])));
  expect({ outbox, intents }).toEqual({ outbox: 0, intents: 0 });
}

/** A run to its end, with the codes of all that failed in it, for a while or for good. */
async function finishRun(
  journey: Journey,
  members: readonly Member[],
): Promise<{ isClean: boolean; codes: string[] }> {
  const { code, stderr } = await journey.cli('run');
  if (code === 0) {
    settle(members);
    return { isClean: true, codes: [] };
  }
  const codes = [...stderr.matchAll(/"code":"([^"]+)"/g)].map(([, found = '']) => found);
  // Without one it ended for another reason, which is to be seen.
  return { isClean: false, codes: codes.length > 0 ? codes : [stderr] };
}

/** By the sandbox's log: each removal is of somebody who was away for the grace, and each absence has one at most. */
function expectRemovalsDue(journey: Journey, members: readonly Member[]): void {
  for (const absence of members.flatMap(({ absences }) => absences)) absence.taken = false;
  const byAddress = new Map(members.map((member) => [member.email, member]));
  for (const { removed, userName = '', time } of journey.sandbox.calls()) {
    if (!removed) continue;
    const absences = byAddress.get(userName)?.absences ?? [];
    const cause = absences.find(({ taken }, nth) => !taken && allows(absences, nth, Date.parse(time)));
    if (cause === undefined) expect({ time, absences }).toBe(`${userName} was due`);
    else cause.taken = true;
  }
}

/** Whether they may have been taken away then for this absence, which began when nobody is known to have seen them back since. */
function allows(absences: readonly Absence[], nth: number, at: number): boolean {
  const { to, settled } = absences[nth] as Absence;
  let { from } = absences[nth] as Absence;
  for (const before of absences.slice(0, nth).toReversed()) {
    if (before.taken || before.settled <= from) break;
    from = before.from;
  }
  return at >= from + GRACE_MS && to - from >= GRACE_MS && at <= settled;
}

function absencesOf(members: readonly Member[]): number {
  return members.reduce((sum, { absences }) => sum + absences.length, 0);
}
