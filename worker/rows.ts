/** Desired states as the outbox keeps them. */
import type { OutboxRow } from '../ledger/outbox.ts';
import type { Verdict } from './survey-state.ts';

/** Whose rows they are: the run, or the ask, that found them. */
interface Origin {
  readonly id: string;
  readonly ref: (sourceId: string) => string;
  readonly deps: { readonly stamp?: string };
}

/** What is wanted of a person. */
export function rowOf(verdict: Verdict, { id, ref, deps: { stamp } }: Origin): OutboxRow {
  const { sourceId, desired, account, decision } = verdict;
  const relink =
    decision.kind === 'relink'
      ? { sourceId: decision.from.sourceId, ref: ref(decision.from.sourceId) }
      : undefined;
  return {
    ref: ref(sourceId),
    sourceId,
    version: versionOf(verdict),
    run: id,
    desired,
    protected: verdict.protected,
    ...(account && { account }),
    ...(relink && { relink }),
    ...(stamp !== undefined && { stamp }),
    ...(verdict.readBack === true && { readBack: true }),
    ...(verdict.repair === true && { cause: 'drift' }),
  };
}

/** The version of a person's row. */
export function versionOf({ fingerprint }: Pick<Verdict, 'fingerprint'>): string {
  return fingerprint.toString('base64url');
}

/** Somebody without an account is not wanted any more: what waited for them ends. */
export function goneRow({ id, ref }: Pick<Origin, 'id' | 'ref'>, sourceId: string): OutboxRow {
  return { ref: ref(sourceId), sourceId, version: 'gone', protected: false, run: id };
}
