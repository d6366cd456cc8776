/** Whether anybody is there to do what is asked of a sync. */
import type { Queues } from '../jobs/queues.ts';

/** A process runs that carries out reconciles and look-ups of this sync: the service, or a `run`. */
export async function isServed({ queues }: { readonly queues: Queues }): Promise<boolean> {
  return (await queues.reconcile.getWorkersCount()) > 0;
}
