/** The brake on taking people away: how many may leave in 24 hours before an operator has to look. Pure. */

/** The span that the guard looks back over, in milliseconds. */
export const GUARD_WINDOW_MS = 24 * 3600 * 1000;

/** The larger of the two where both are there. */
export interface GuardLimit {
  /** Of the linked active people. */
  readonly percent?: number;
  readonly people?: number;
}

/** How many of `linked` active people may leave within the window: rounded up, and never over half of them. */
export function guardLimit({ percent = 0, people = 0 }: GuardLimit, linked: number): number {
  // 1.1 % of 1000 is 11.000000000000002 to a computer, and 11 people to everybody else.
  const share = Number(((linked * percent) / 100).toFixed(6));
  const allowed = Math.max(Math.ceil(share), people);
  return Math.min(allowed, Math.floor(linked / 2));
}

/** Whether `candidates` more may leave where `recent` have within the window. Nobody leaving is always allowed. */
export function guardAllows(
  { candidates, recent }: { readonly candidates: number; readonly recent: number },
  limit: number,
): boolean {
  return candidates === 0 || candidates + recent <= limit;
}
