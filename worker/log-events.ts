/**
 * The worker's events as log lines: one a change, one a run, one a setback. A person is named by their ref alone: a
 * directory's id may be an address or a name.
 */
import type { Logger } from 'pino';
import { isSyncError } from '../model/errors.ts';
import type { Events, Step } from './events.ts';

/** Events of one sync, written to `log`. `onStep` is told of every step. */
export function logEvents(log: Logger, onStep: (step: Step) => void): Events {
  return {
    step: onStep,
    reconciled: ({ changes, ...run }) =>
      log.info({ ...run, ...changes }, run.complete ? 'reconciled' : 'reconciled after an incomplete read'),
    applied: ({ sourceId: _, ...change }) => log.info(change, 'applied'),
    stored: (event) => log.warn(event, 'Omni stored something else than was sent'),
    drifted: (event) => log.warn(event, 'changed in Omni by hand'),
    verified: (pass) =>
      log[pass.problem === undefined ? 'info' : 'warn'](
        pass,
        pass.problem === undefined ? 'verified' : 'the verify pass broke off',
      ),
    leftOut: (attributes) => log.warn({ attributes }, 'attributes are left out'),
    looked: (event) => log.info(event, 'looked up by hand'),
    broken: ({ run, problem, error }) =>
      log.error(
        { run, problem, ...(isSyncError(error) ? {} : { stack: error.stack }) },
        'the reconcile broke off',
      ),
    setback: ({ error, sourceId: _, ...setback }) => {
      if (setback.code === 'bug') log.error({ ...setback, stack: error.stack }, 'setback');
      else log.warn(setback, 'setback');
    },
    trouble: (error) => log.warn({ error: error.message }, 'trouble'),
  };
}
