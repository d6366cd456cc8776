/** The examples of docs/http.md, each typed into a shell as it stands there, against the server of a real service. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect } from 'vitest';
import { it, type Journey, somePeople } from '../support/journey.ts';
import { endInOrder, listen } from '../support/service.ts';

const page = readFileSync(new URL('../../docs/http.md', import.meta.url), 'utf8');
/** The lines of all fenced shell blocks. */
const lines = [...page.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap(([, block = '']) =>
  block.trim().split('\n'),
);
const examples = lines.filter((line) => line.startsWith('curl '));
const before = lines.filter((line) => !line.startsWith('curl '));
/** As the page says that it listens. */
const DEFAULT = 'http://127.0.0.1:8787';

/** What each route of an example answers, by the end of its path. */
const ANSWERS: Readonly<Record<string, unknown>> = {
  status: { syncs: [{ name: 'acme' }] },
  resync: { ask: expect.any(String) },
};

const run = promisify(execFile);

/** Types one into a shell that began as the page's does, in the folder that the service was started in. */
async function typed(example: string, { url, journey }: { url: string; journey: Journey }): Promise<string> {
  const quietly = 'curl() { command curl -sS --fail-with-body "$@"; }';
  const script = [...before, quietly, example.replaceAll(DEFAULT, url)].join('\n');
  const { stdout } = await run('bash', ['-eu', '-c', script], { cwd: journey.folder });
  return stdout;
}

describe('the examples of docs/http.md', () => {
  it('are all of the same server, and more than a few', () => {
    expect(examples.length).toBeGreaterThanOrEqual(5);
    expect(examples.filter((example) => !example.includes(`${DEFAULT}/`))).toEqual([]);
  });

  it('work as they stand there', async ({ install }) => {
    const journey = await install(somePeople(3));
    const service = journey.start('start');
    const url = String((await listen(service)('listening')).url);
    for (const example of examples) {
      const text = await typed(example, { url, journey });
      const [, last = ''] = /\/(\w+)$/.exec(example) ?? [];
      const answer = text === '' ? undefined : (JSON.parse(text) as unknown);
      if (last in ANSWERS) expect({ example, answer }).toMatchObject({ answer: ANSWERS[last] });
    }
    await expect(typed(`${examples[0]}/none`, { url, journey })).rejects.toThrow(/404/);
    await endInOrder(service);
  });
});
