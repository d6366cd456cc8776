/** The queue page: what it shows of jobs, what may be done there, and what is not there at all. */
import { describe, expect, it } from 'vitest';
import { SyncError } from '../../model/errors.ts';
import { routesOfBoard } from '../../ops/board/board.ts';
import { startReconciling } from '../../worker/sync.ts';
import { keptBesideLinks } from '../support/leaks.ts';
import { crowd } from '../support/people.ts';
import { until } from '../support/service.ts';
import { APPROVE, OPERATE, READ, type Serving, servingOfFile } from './serving.ts';

const serve = servingOfFile();
const PEOPLE = '/queues/api/queues/acme-people';
const PLANTED = ['Berta Geheim', 'berta@geheim.test', 'key-a1b2c3d4e5'] as const;
const NAME = PLANTED.join(' ');

interface Board {
  readonly queues: readonly {
    readonly name: string;
    readonly displayName: string;
    readonly readOnlyMode: boolean;
    readonly jobs: readonly { readonly id: string; readonly data: object; readonly failedReason: string }[];
  }[];
}

async function boardOf({ ask }: Serving, token: string, queue = 'acme-people'): Promise<Board> {
  return (await ask(`/queues/api/queues?activeQueue=${queue}&jobsPerPage=20`, { token })).json() as Board;
}

/** Somebody whom Omni refused, in a failed job. */
async function withRefused(): Promise<Serving & { readonly jobId: string }> {
  const serving = await serve();
  const { rig } = serving;
  rig.sandbox.fault({ method: 'POST', times: 1, fault: { kind: 'status', status: 400 } });
  rig.people.set(crowd(1));
  await rig.reconcile();
  await rig.drain();
  const [job] = await rig.queues.apply.getFailed();
  return { ...serving, jobId: String(job?.id) };
}

/** Whatever Bull Board can be asked to do. */
function writesOfBoard(): { readonly method: string; readonly path: string }[] {
  const paths = routesOfBoard().flatMap(({ method, route }) =>
    [method].flat().flatMap((one) => [route].flat().map((path) => ({ method: one.toUpperCase(), path }))),
  );
  return paths.filter(({ method }) => method !== 'GET');
}

describe('boardRoutes', () => {
  it('shows each queue under words, and of a job whom it is about as a ref alone', async () => {
    const serving = await serve();
    serving.rig.people.set(crowd(2));
    await serving.rig.reconcile();
    const { queues } = await boardOf(serving, READ);
    expect(queues.map(({ displayName }) => displayName)).toEqual([
      'People to apply – acme',
      'Reconciles – acme',
      'Verify passes – acme',
    ]);
    const jobs = queues[0]?.jobs ?? [];
    expect(jobs).toHaveLength(2);
    for (const { data } of jobs) expect(data).toEqual({ ref: expect.stringMatching(/^[\w-]{16}$/) });
  });

  it('shows nothing personal of a job, whatever somebody has put into it', async () => {
    const serving = await serve();
    const { apply } = serving.rig.queues;
    const job = await apply.add(NAME, { ref: NAME, name: NAME } as never, { deduplication: { id: NAME } });
    await job.log(NAME);
    await job.updateProgress({ name: NAME });
    await serving.rig.redis.hset(apply.toKey(String(job.id)), {
      returnvalue: JSON.stringify(NAME),
      failedReason: `no ${PLANTED[1]}`,
      stacktrace: JSON.stringify([`Error: no ${PLANTED[1]}`]),
    });
    const { ask } = serving;
    const answers = [
      await ask('/queues/api/queues?activeQueue=acme-people', { token: APPROVE }),
      ...(await Promise.all(
        ['', '/logs', '/flow'].map((part) => ask(`${PEOPLE}/${job.id}${part}`, { token: APPROVE })),
      )),
    ];
    for (const { status, text } of answers) {
      expect(status).toBe(200);
      for (const planted of PLANTED) expect(text).not.toContain(planted);
    }
    expect(answers[0]?.text).toContain('[address]');
    await apply.obliterate({ force: true });
  });

  it('shows nothing personal of a reconcile that a fault of ours has ended', async () => {
    const serving = await serve();
    const { rig, parts } = serving;
    rig.people.set(crowd(1));
    rig.people.before = async () => {
      throw new RangeError(NAME);
    };
    await rig.ledger.asks.add({ by: 'test', full: false });
    await rig.queues.reconcile.add('reconcile', {}, { attempts: 1 });
    const loop = startReconciling(parts);
    await until(async () => (await rig.queues.reconcile.getFailedCount()) > 0);
    await loop.stop();
    const { queues } = await boardOf(serving, READ, 'acme-reconciles');
    const reasons = queues[1]?.jobs.map(({ failedReason }) => failedReason);
    expect(reasons).toEqual(['a fault of omni-sync itself (RangeError); the log has its stack']);
    const kept = await keptBesideLinks(rig.redis);
    for (const planted of PLANTED) expect(`${JSON.stringify(queues)}${kept}`).not.toContain(planted);
  });

  it('and the log tell why a look-up by hand has failed', async () => {
    const { rig, parts } = await serve();
    const broken = new SyncError('transient', 'redis.refuses', 'Redis takes no writes now');
    const ledger = { ...parts.ledger, hand: () => Promise.reject(broken) };
    await rig.queues.reconcile.add('person', {}, { attempts: 1 });
    const loop = startReconciling({ ...parts, ledger });
    await until(async () => (await rig.queues.reconcile.getFailedCount()) > 0);
    await loop.stop();
    expect(rig.troubles).toMatchObject([{ code: 'redis.refuses' }]);
  });

  it('lets nobody write who may read alone', async () => {
    const serving = await withRefused();
    const { queues } = await boardOf(serving, READ);
    expect(queues.map(({ readOnlyMode }) => readOnlyMode)).toEqual([true, true, true]);
    for (const act of ['retry', 'promote']) {
      const answer = await serving.ask(`${PEOPLE}/${serving.jobId}/${act}`, { method: 'PUT', token: READ });
      expect(answer.json()).toMatchObject({ status: 403, code: 'http.scope' });
    }
  });

  it('serves none of what Bull Board can do to a queue, but retry and promote of a job', async () => {
    const { ask, jobId, rig } = await withRefused();
    const writes = writesOfBoard().filter(({ path }) => !/:jobId\/(retry|promote)$/.test(path));
    expect(writes.length).toBeGreaterThanOrEqual(20);
    for (const { method, path } of writes) {
      const url = path
        .replace(':queueName', 'acme-people')
        .replace(':jobId', jobId)
        .replace(/:\w+/g, 'failed');
      const { status } = await ask(`/queues${url}`, { method, token: APPROVE, body: {} });
      expect({ path, refused: status === 404 || status === 405 }).toEqual({ path, refused: true });
    }
    expect(await rig.queues.apply.getFailedCount()).toBe(1);
    expect(await rig.queues.apply.isPaused()).toBe(false);
  });

  it('tries a person again who is set aside, as the operation does and records', async () => {
    const serving = await withRefused();
    const { ask, jobId, rig } = serving;
    expect((await boardOf(serving, OPERATE)).queues.map(({ readOnlyMode }) => readOnlyMode)).toEqual([
      false,
      true,
      true,
    ]);
    const retry = () => ask(`${PEOPLE}/${jobId}/retry`, { method: 'PUT', token: OPERATE });
    expect((await retry()).status).toBe(204);
    expect(await rig.ledger.quarantine.all()).toEqual([]);
    const acts = await rig.redis.xrange(rig.keys.audit, '-', '+');
    expect(JSON.stringify(acts)).toMatch(/retry.*operator/);
    await rig.drain();
    expect(rig.sandbox.state().users).toHaveLength(1);
    expect((await retry()).json()).toMatchObject({ status: 404, code: 'http.job' });
  });

  it('asks for the person of a job that is to wait no longer', async () => {
    const { ask, rig } = await serve();
    rig.sandbox.fault({ method: 'POST', fault: { kind: 'status', status: 503 } });
    rig.people.set(crowd(1));
    await rig.reconcile();
    await rig.drain();
    const [job] = await rig.queues.apply.getDelayed();
    const { status } = await ask(`${PEOPLE}/${job?.id}/promote`, { method: 'PUT', token: OPERATE });
    expect(status).toBe(204);
    expect(await rig.ledger.asks.people()).toMatchObject([{ by: 'operator', person: job?.data.ref }]);
  });

  it('does nothing to reconciles and verify passes, and to jobs that are no more', async () => {
    const { ask } = await serve();
    const put = async (path: string) => (await ask(path, { method: 'PUT', token: OPERATE })).status;
    expect(await put('/queues/api/queues/acme-reconciles/1/retry')).toBe(405);
    expect(await put('/queues/api/queues/acme-verify-passes/1/retry')).toBe(405);
    expect(await put(`${PEOPLE}/99/retry`)).toBe(404);
  });

  it('serves the files of the page, and no other', async () => {
    const { ask } = await serve();
    const page = await ask('/queues/', { token: READ });
    expect(page.text).not.toMatch(/https?:|<style| style=|<%/);
    const [, script = ''] = /src="(static\/js\/main[^"]+)"/.exec(page.text) ?? [];
    expect((await ask(`/queues/${script}`, { token: READ })).headers['content-type']).toMatch(/javascript/);
    for (const path of ['..%2findex.ejs', '%2e%2e/%2e%2e/package.json', 'js', 'x.js'])
      expect((await ask(`/queues/static/${path}`, { token: READ })).status).toBe(404);
  });
});
