/** How far an ask has come, and what came of it: also of a person's change that is still on its way to Omni. */
import type { Ledger } from '../ledger/ledger.ts';
import type { PersonOutcome } from '../model/asked.ts';
import type { AskView } from '../ops/operations.ts';
import { runView } from '../ops/status.ts';

/** The ask as an operator sees it. */
export async function askView({ ledger }: { readonly ledger: Ledger }, id: string): Promise<AskView> {
  const state = await ledger.asks.state(id);
  if (state.kind === 'unknown') return { state: 'unknown' };
  if (state.kind === 'waiting') return { state: state.begun ? 'running' : 'waiting' };
  if (state.kind === 'looked') return lookedView(state.person, ledger);
  const run = await ledger.runs.get(state.run);
  return { state: 'done', run: run === undefined ? null : runView(run), person: null };
}

async function lookedView(person: PersonOutcome, ledger: Ledger): Promise<AskView> {
  const settled = person.outcome === 'queued' ? await settledOf(person, ledger) : person;
  return settled === undefined ? { state: 'running' } : { state: 'done', run: null, person: settled };
}

/** What came of a change that was put ahead; nothing while it is on its way. */
async function settledOf(person: PersonOutcome, ledger: Ledger): Promise<PersonOutcome | undefined> {
  const { ref = '', sourceId = '' } = person;
  const row = await ledger.outbox.get(ref);
  const aside = await ledger.quarantine.get(ref);
  if (row !== undefined) {
    const given = aside !== undefined && aside.version === row.version && aside.until !== 'time';
    return given ? { ...person, outcome: 'setAside', says: aside.message } : undefined;
  }
  const link = (await ledger.links.of([sourceId])).get(sourceId)?.link;
  const says =
    link === undefined
      ? 'Nothing waits for them any more; they have no account by this sync.'
      : link.state === 'active'
        ? 'It is done: Omni has them as the directory wants them.'
        : 'It is done: their account is taken away.';
  return { ...person, outcome: 'inStep', says };
}
