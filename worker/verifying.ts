/** When verify passes run: on a schedule of their own, one at a time over all replicas, and apart from the reconciles. */
import { addVerifyJob } from '../jobs/add.ts';
import { openVerifyWorker, type QueueOptions } from '../jobs/queues.ts';
import { type Gate, shut } from './gate.ts';
import { keptError } from './job-error.ts';
import { type Loop, openLoop, type Running } from './job-loop.ts';
import { schedule } from './schedule.ts';
import { type VerifyDeps, verify } from './verify.ts';

export interface VerifyingParts extends VerifyDeps {
  readonly schedule: { readonly timezone: string };
  readonly queueOptions: QueueOptions;
  readonly holder: string;
}

/** Starts ticking; the passes that it asks for run where `startVerifying` runs. */
export function startVerifySchedule(parts: VerifyingParts, expression: string): Running {
  const { ledger, events, holder } = parts;
  return schedule({
    expression,
    timezone: parts.schedule.timezone,
    onTick: async (slot) => {
      if (!(await ledger.claimTick('verify', slot, holder))) return;
      await addVerifyJob(parts.queues).catch(async (error: unknown) => {
        await ledger.releaseTick('verify', slot);
        throw error;
      });
    },
    onTrouble: events.trouble,
  });
}

/** Runs the passes that any replica's ticks ask for. What they find is written to Redis: none runs while the gate is shut. */
export function startVerifying(parts: VerifyingParts, gate: Gate): Loop {
  const { events, queueOptions } = parts;
  return openLoop({ queue: parts.queues.verify, gate }, (attempt) => {
    const worker = openVerifyWorker(queueOptions, () =>
      attempt((signal, isEnding) =>
        verify(parts, signal).catch((error: unknown) => {
          // Broken off because the process ends: the next tick begins again.
          if (!isEnding()) throw keptError(signal.aborted ? shut() : error, events);
        }),
      ),
    );
    worker.on('error', events.trouble);
    worker.on('failed', (_, error) => events.trouble(error));
    return worker;
  });
}
