/**
 * The worker's events as log lines: one a change, one a run, one a setback. A person is named by their ref alone: a
 * directory's id may be an address or a name. Of an error that is not ours class, code and place alone: its text may quote a record.
 */
import type { Logger } from 'pino';
import { isSyncError } from '../model/errors.ts';
import { faultFacts } from '../model/fault.ts';
import type { Events, Step } from './events.ts';
import { warnSeldom } from './seldom.ts';

/** What a standstill is when it begins, and when it is over. */
const STANDSTILLS = {
  paused: ['an operator has paused it: nothing is sent until resume', 'an operator has resumed it'],
  halted: [
    'every API key is refused: nothing is sent until one is replaced, or resume',
    'an API key is to be tried again',
  ],
  unreachable: [
    'Omni does not answer: one request at a time looks whether it does again',
    'Omni answers again',
  ],
} as const;

/** Events of one sync, written to `log`. `onStep` is told of every step. */
export function logEvents(log: Logger, onStep: (step: Step) => void): Events {
  const warn = warnSeldom(log);
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
        { run, problem, ...(isSyncError(error) ? {} : faultFacts(error)) },
        'the reconcile broke off',
      ),
    setback: ({ error, sourceId: _, ...setback }) => {
      if (setback.code === 'bug')
        log.error({ ...setback, ...faultFacts(error), code: setback.code }, 'setback');
      else log.warn(setback, 'setback');
    },
    standstill: ({ by, over }) => {
      const [begun, ended] = STANDSTILLS[by];
      if (over) log.info(ended);
      else log.warn(begun);
    },
    trouble: (error) => warn(faultFacts(error), 'trouble'),
  };
}
