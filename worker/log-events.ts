/** The worker's events as log lines: one a change, one a run, one a setback. Ids alone, no names, no addresses. */
import type { Logger } from 'pino';
import type { Events, Step } from './events.ts';

/** Events of one sync, written to `log`. `onStep` is told of every step. */
export function logEvents(log: Logger, onStep: (step: Step) => void): Events {
  return {
    step: onStep,
    reconciled: ({ changes, ...run }) =>
      log.info({ ...run, ...changes }, run.complete ? 'reconciled' : 'reconciled after an incomplete read'),
    applied: (change) => log.info(change, 'applied'),
    stored: (event) => log.warn(event, 'Omni stored something else than was sent'),
    setback: ({ error, ...setback }) => {
      if (setback.code === 'bug') log.error({ ...setback, stack: error.stack }, 'setback');
      else log.warn(setback, 'setback');
    },
    trouble: (error) => log.warn({ error: error.message }, 'trouble'),
  };
}
