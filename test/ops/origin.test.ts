import { describe, expect, it } from 'vitest';
import { isOwnHost, isOwnOrigin } from '../../ops/origin.ts';

const LOOPBACK = { host: '127.0.0.1' };
const OPEN = { host: '0.0.0.0' };
const BEHIND = { host: '127.0.0.1', publicUrl: 'https://sync.example.com' };

describe('isOwnHost', () => {
  it.each([
    ['localhost:8787', LOOPBACK, true],
    ['LOCALHOST', LOOPBACK, true],
    ['127.0.0.1:8787', LOOPBACK, true],
    ['127.1.2.3', LOOPBACK, true],
    ['[::1]:8787', LOOPBACK, true],
    ['10.0.0.1:8787', LOOPBACK, false],
    ['omni-sync:8787', LOOPBACK, false],
    ['evil.example.com', LOOPBACK, false],
    ['localhost.evil.example.com', LOOPBACK, false],
    ['127.0.0.1.evil.example.com', LOOPBACK, false],
    ['user@localhost', LOOPBACK, false],
    ['localhost:8787, evil', LOOPBACK, false],
    ['', LOOPBACK, false],
    [undefined, LOOPBACK, false],
    ['10.0.0.1:8787', OPEN, true],
    ['[fe80::1]:8787', OPEN, true],
    ['omni-sync:8787', OPEN, true],
    ['sync.example.com', OPEN, false],
    ['sync.example.com', { host: 'sync.example.com' }, true],
    ['sync.example.com', BEHIND, true],
    ['sync.example.com:444', BEHIND, false],
    ['other.example.com', BEHIND, false],
    ['10.0.0.1', BEHIND, false],
  ])('%s on %o: %s', (header, own, verdict) => {
    expect(isOwnHost(header, own)).toBe(verdict);
  });
});

describe('isOwnOrigin', () => {
  it.each([
    ['http://localhost:8787', 'localhost:8787', LOOPBACK, true],
    ['http://127.0.0.1:8787', 'localhost:8787', LOOPBACK, false],
    ['http://localhost:3000', 'localhost:8787', LOOPBACK, false],
    ['https://localhost:8787', 'localhost:8787', LOOPBACK, false],
    ['null', 'localhost:8787', LOOPBACK, false],
    ['https://sync.example.com', '127.0.0.1:8787', BEHIND, true],
    ['http://sync.example.com', '127.0.0.1:8787', BEHIND, false],
  ])('%s sent to %s on %o: %s', (origin, host, own, verdict) => {
    expect(isOwnOrigin(origin, host, own)).toBe(verdict);
  });
});
