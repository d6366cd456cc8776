/** How a sync stands in one word and one sentence, by what an operator must know first. Pure. */
import type { LeaversView } from '../operations.ts';
import type { SyncView } from '../status.ts';
import { people, span } from './words.ts';

export interface Standing {
  /** Names the colour too. */
  readonly tone: 'good' | 'busy' | 'wants' | 'bad';
  readonly word: string;
  readonly sentence: string;
}

/** The first of these that holds, worst first. */
export function standingOf(status: SyncView, leavers: LeaversView): Standing {
  const { run, waiting, failed } = status;
  const held = leavers.held + leavers.changes.filter(({ answer }) => answer === undefined).length;
  if (status.halted)
    return bad(
      'Halted',
      'Omni refuses every API key. Nothing is sent and nothing is lost: replace the key, or resume.',
    );
  if (status.unreachable)
    return bad('Omni is away', 'Omni does not answer. What waits goes out once it does.');
  if (status.paused)
    return { tone: 'wants', word: 'Paused', sentence: 'Nothing is sent to Omni until you resume.' };
  if (run !== null && run.finishedAt !== null && !run.ended)
    return bad(
      'Read broken off',
      `${run.problem ?? 'The directory was not read to its end'}. Nobody counts as gone.`,
    );
  if (held > 0) return { tone: 'wants', word: 'Needs you', sentence: `${people(held)} held until you say.` };
  if (failed > 0)
    return { tone: 'wants', word: 'Needs you', sentence: `${people(failed)} set aside after a failure.` };
  if (waiting > 0) return { tone: 'busy', word: 'Working', sentence: workText(status) };
  if (run === null) return { tone: 'busy', word: 'Not run yet', sentence: 'The directory was not read yet.' };
  if (!run.complete)
    return {
      tone: 'wants',
      word: 'In step, mostly',
      sentence: `${run.problem ?? 'The read was not complete'}.`,
    };
  if (status.drift.people > 0)
    return {
      tone: 'wants',
      word: 'Changed by hand',
      sentence: `${people(status.drift.people)} changed in Omni by hand: they are named below.`,
    };
  return { tone: 'good', word: 'In step', sentence: 'Omni holds what the directory says.' };
}

function workText({ waiting, secondsLeft }: SyncView): string {
  return `${people(waiting)} waiting; all in Omni in about ${span(secondsLeft)}.`;
}

function bad(word: string, sentence: string): Standing {
  return { tone: 'bad', word, sentence };
}
