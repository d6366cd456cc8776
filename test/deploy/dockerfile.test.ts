/** The Dockerfile and .dockerignore, held to the CIS benchmark's items that they show: there is no engine to build them with. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const text = (path: string) => readFileSync(join(ROOT, path), 'utf8');

describe('Dockerfile', () => {
  const lines = text('Dockerfile')
    .replace(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  const stages = lines.join('\n').split(/^(?=FROM )/m);
  const last = stages.at(-1)?.split('\n') ?? [];
  const instruction = (line: string) => line.trim().split(/\s+/)[0] ?? '';

  it('has stages, each from a base with a fixed tag', () => {
    expect(stages.length).toBeGreaterThanOrEqual(2);
    for (const stage of stages) expect(stage).toMatch(/^FROM node:\d+[a-z0-9.-]*(@sha256:\S+)?( AS \w+)?\n/);
    expect(lines.join('\n')).not.toContain(':latest');
  });

  it('ends as an unprivileged user by number', () => {
    const user = last.filter((line) => instruction(line) === 'USER').at(-1);
    expect(user).toBe('USER 10001:10001');
    const after = last.slice(last.indexOf(user ?? '') + 1).map(instruction);
    expect(after).not.toContain('RUN');
    expect(after).not.toContain('COPY');
  });

  it('takes the built output and production packages alone', () => {
    const copies = last.filter((line) => instruction(line) === 'COPY');
    expect(copies).toEqual([
      'COPY package.json ./',
      'COPY --from=packages /app/node_modules ./node_modules',
      'COPY --from=build /build/dist ./dist',
    ]);
    expect(stages.join('\n')).toContain('npm ci --ignore-scripts --omit=dev --omit=optional');
    for (const line of lines.filter((candidate) => candidate.includes('npm ci')))
      expect(line).toContain('--ignore-scripts');
  });

  it('adds nothing from elsewhere, holds no secret, has a health check', () => {
    const used = lines.map(instruction);
    expect(used).not.toContain('ADD');
    expect(used).not.toContain('ARG');
    expect(used).toContain('HEALTHCHECK');
    expect(last.join('\n')).toContain('NODE_OPTIONS=--disable-proto=delete');
    expect(lines.join('\n')).not.toMatch(/curl|wget|sudo|apt-get|password|secret|api_?key|token/i);
  });

  it('copies into the build only what .dockerignore admits, every folder of the build included', () => {
    const { include } = JSON.parse(text('tsconfig.build.json')) as { include: string[] };
    const admitted = text('.dockerignore');
    for (const folder of include) expect(admitted).toMatch(new RegExp(`^!${folder}(/\\*\\.ts)?$`, 'm'));
  });
});
