import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';
import { planReload, reloaded } from '../../worker/reload.ts';
import { folder, write } from '../config/settings.ts';

const SYNC = (name: string, schedule = '0 * * * *') => `
  - name: ${name}
    schedule: "${schedule}"
    directory: { type: file, path: ./people.csv }
    users: { id: id, userName: email, displayName: name }
    omni: { url: "https://acme.omniapp.co", apiKey: a-key-of-omni }
    policy: upsert`;

function config(text: string): Config {
  const path = write(`${folder()}/omni-sync.yaml`, text);
  return { ...loadConfig({ path, env: {}, cwd: '/' }), file: '', dataDir: '/data', syncs: at(path) };
}

/** The folder differs with each file, what is in it does not. */
function at(path: string): Config['syncs'] {
  const { syncs } = loadConfig({ path, env: {}, cwd: '/' });
  return syncs.map((sync) => ({ ...sync, directory: { ...sync.directory, path: 'people.csv' } }) as never);
}

const base = config(`syncs:${SYNC('a')}${SYNC('b')}`);

describe('planReload', () => {
  it('finds nothing to do where nothing differs', () => {
    const plan = planReload(base, config(`syncs:${SYNC('b')}${SYNC('a')}`));
    expect(plan).toEqual({ added: [], changed: [], removed: [], restart: [] });
  });

  it('names what is added, changed and removed', () => {
    const plan = planReload(base, config(`syncs:${SYNC('b', '5 * * * *')}${SYNC('c')}`));
    expect(plan.added.map(({ name }) => name)).toEqual(['c']);
    expect(plan.changed.map(({ name }) => name)).toEqual(['b']);
    expect(plan.removed).toEqual(['a']);
  });

  it('names the sections that need another start', () => {
    const text = `server: { listen: "127.0.0.1:1234" }\nredis: { url: redis://other }\nsyncs:${SYNC('a')}${SYNC('b')}`;
    const wanted = { ...config(text), dataDir: '/elsewhere' };
    expect(planReload(base, wanted).restart).toEqual(['dataDir', 'redis', 'server']);
  });
});

describe('reloaded', () => {
  it('keeps what needs another start, and takes the rest', () => {
    const wanted = { ...config(`syncs:${SYNC('c')}`), dataDir: '/elsewhere' };
    expect(reloaded(base, wanted)).toEqual({ ...wanted, dataDir: base.dataDir });
  });
});
