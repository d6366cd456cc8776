/** The company of the random campaign: who is hired, moves, leaves and is back, and when whoever left may be taken away. */
import { type Journey, type Person, somePeople } from '../support/journey.ts';
import { type Draw, oneOf } from './day.ts';

/** How long somebody is gone before they are taken away. */
export const GRACE_MS = 2_000;
/** Who never leaves. All who may leave are fewer than half of them all, so that the guard lets them. */
const STAYERS = 20;
const RESTLESS = 8;
const OFFICES = ['Berlin', 'Oslo', 'Rome'] as const;
/** How a record says that its person is not wanted; nothing: there is no record. */
const OUT = [undefined, 'left', 'elsewhere'] as const;

/** A span in which the directory did not want somebody: wall clock, the widest that it may have been. */
interface Absence {
  readonly from: number;
  to: number;
}

interface Member extends Person {
  wanted: boolean;
  readonly absences: Absence[];
}

export interface Company {
  /** Who is wanted, as they are wanted. */
  wanted(): readonly Person[];
  /** Hires, moves, renames where `renames`, leavers and returners; written to the directory. */
  goOn(draw: Draw, renames: boolean): void;
  /** The directory as text, as it is now. */
  csv(): string;
  /** Whether somebody of this address may have been taken away at that moment. */
  mayLeave(userName: string, at: number): boolean;
  /** Ids and addresses of those who have ever been away. */
  everAway(): string[];
}

/** Writes the first directory. */
export function openCompany(journey: Journey): Company {
  let members: Member[] = somePeople(STAYERS + RESTLESS).map((person, at) => ({
    ...person,
    office: OFFICES[at % OFFICES.length] ?? '',
    wanted: true,
    absences: [],
  }));
  const addresses = new Map(members.map((member) => [member.email, member.absences]));
  let records: readonly Person[] = members;
  const write = () => journey.people(records);
  write();
  return {
    wanted: () => members.filter(({ wanted }) => wanted),
    goOn(draw, renames) {
      members = members.map((member, at) => {
        if (at >= STAYERS && at < STAYERS + RESTLESS && draw(5) === 0) return turned(member);
        return member.wanted && draw(8) === 0 ? moved(member, draw, renames) : member;
      });
      for (let hires = draw(3); hires > 0; hires--) members.push(hired(members.length));
      for (const { email, absences } of members) addresses.set(email, absences);
      records = members.flatMap((member) => recordsOf(member, draw));
      write();
      const now = Date.now();
      for (const { wanted, absences } of members) {
        const last = absences.at(-1);
        if (wanted && last?.to === Number.POSITIVE_INFINITY) last.to = now;
      }
    },
    csv: () => ['id,email,name,office', ...records.map(rowOf), ''].join('\n'),
    mayLeave: (userName, at) => asSeen(addresses.get(userName) ?? []).some((absence) => allows(absence, at)),
    everAway: () => members.flatMap(({ id, email, absences }) => (absences.length > 0 ? [id, email] : [])),
  };
}

/**
 * Somebody may be back and gone again with no read between: a daemon is killed, frozen, or has no Redis for up to 2.2 s,
 * starts in one (in eight where the machine is short of time) and reads each second. Nobody can tell such absences from one.
 */
const UNSEEN_MS = 12_000;

function asSeen(absences: readonly Absence[]): Absence[] {
  const seen: Absence[] = [];
  for (const { from, to } of absences) {
    const last = seen.at(-1);
    if (last !== undefined && from - last.to < UNSEEN_MS) last.to = to;
    else seen.push({ from, to });
  }
  return seen;
}

/** A read that was on its way as somebody came back may still lead to a removal. */
const ON_ITS_WAY_MS = 30_000;

function allows({ from, to }: Absence, at: number): boolean {
  return at >= from + GRACE_MS && to - from >= GRACE_MS && at <= to + ON_ITS_WAY_MS;
}

function turned(member: Member): Member {
  if (member.wanted) member.absences.push({ from: Date.now(), to: Number.POSITIVE_INFINITY });
  return { ...member, wanted: !member.wanted };
}

function moved(member: Member, draw: Draw, renames: boolean): Member {
  if (renames && draw(6) === 0) return { ...member, email: `renamed.${draw(1e9)}@example.com` };
  return { ...member, office: oneOf(OFFICES, draw) };
}

function hired(number: number): Member {
  const [person] = somePeople(number + 1).slice(number);
  return { ...(person as Person), office: 'Berlin', wanted: true, absences: [] };
}

function recordsOf(member: Member, draw: Draw): Person[] {
  if (member.wanted) return [member];
  const office = oneOf(OUT, draw);
  return office === undefined ? [] : [{ ...member, office }];
}

function rowOf({ id, email, name, office = '' }: Person): string {
  return [id, email, name, office].join(',');
}
