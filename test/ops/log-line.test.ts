import { describe, expect, it } from 'vitest';
import { createLog } from '../../ops/log.ts';
import { prettyLine } from '../../ops/log-line.ts';

describe('prettyLine', () => {
  it('shows time, level, message and fields', () => {
    const line = {
      level: 'info',
      time: '2026-11-25T19:41:22.597Z',
      pid: 1,
      hostname: 'h',
      sync: 'acme',
      calls: 2,
    };
    expect(prettyLine(JSON.stringify({ ...line, of: ['a b'], msg: 'applied' }))).toBe(
      '19:41:22 info  applied sync=acme calls=2 of=["a b"]\n',
    );
  });

  it('lets nothing reach a terminal as an order', () => {
    const line = { level: 'warn', time: '2026-11-25T19:41:22.597Z', msg: 'a\u001b[2Jb\nc', name: 'x\u202ey' };
    expect(prettyLine(JSON.stringify(line))).toBe('19:41:22 warn  a\ufffd[2Jb\ufffdc name="x\ufffdy"\n');
  });

  it('is what a log for a terminal writes, its secrets cut as everywhere', () => {
    const told: string[] = [];
    const stream = { write: (line: string) => void told.push(line) };
    createLog({ level: 'info', secrets: ['s3cret'], pretty: true, stream }).info({ a: 's3cret' }, 'hello');
    expect(told).toEqual([expect.stringMatching(/^\d\d:\d\d:\d\d info {2}hello a="\[hidden\]"\n$/)]);
  });
});
