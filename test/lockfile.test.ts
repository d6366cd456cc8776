/** package-lock.json, as `npm ci` on any machine needs it: whole, pinned, and every package that is installed here with its hash. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

interface Locked {
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly link?: boolean;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly optional?: boolean;
  readonly hasInstallScript?: boolean;
  readonly os?: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const file = new URL('../package-lock.json', import.meta.url);
const { packages } = JSON.parse(readFileSync(file, 'utf8')) as { packages: Record<string, Locked> };
const installed = Object.entries(packages).filter(([path]) => path !== '');

/** What of the product's own packages may be raised with it: a new one is a decision, and changes this number. */
const MOST_PACKAGES = 120;

/**
 * The version from which a package has no advisory that its database knew on 2026-11-25: each by its newest one. A registry
 * without `npm audit` cannot say it.
 */
const LEAST: Readonly<Record<string, readonly [version: string, advisory: string]>> = {
  axios: ['1.19.0', 'GHSA-35jp-ww65-95wh'],
  bullmq: ['6.3.3', 'taskforcesh/bullmq#4585: workers that never come back'],
  fastify: ['5.8.1', 'CVE-2026-3419'],
  'follow-redirects': ['1.15.6', 'CVE-2024-28849'],
  'form-data': ['4.0.4', 'CVE-2025-7783'],
  semver: ['7.5.2', 'CVE-2022-25883'],
  yaml: ['2.2.2', 'CVE-2023-2251'],
  zod: ['3.22.3', 'CVE-2023-4316'],
};

describe('package-lock.json', () => {
  it("names every optional package, other platforms' too (a registry that lacks them drops them, and npm ci then fails)", () => {
    const missing = installed.flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter(
        (name) =>
          packages[`node_modules/${name}`] === undefined &&
          packages[`${path}/node_modules/${name}`] === undefined,
      ),
    );
    expect(missing).toEqual([]);
  });

  it('holds a SHA-512 of every package, but for those of platforms whose registry could not be asked', () => {
    const isForeign = ({ optional, os }: Locked) =>
      optional === true && os !== undefined && !os.includes('linux');
    const unhashed = installed.filter(
      ([, entry]) => !entry.integrity?.startsWith('sha512-') && !isForeign(entry),
    );
    const known = /-linux-(arm|ppc64|riscv64|s390x|x64-musl|arm64-musl)/;
    expect(unhashed.map(([path]) => path).filter((path) => !known.test(path))).toEqual([]);
  });

  it('pins what package.json names to one version each', () => {
    const { dependencies = {}, devDependencies = {} } = packages[''] ?? {};
    const ranges = Object.entries({ ...dependencies, ...devDependencies }).filter(
      ([, range]) => !/^\d+\.\d+\.\d+$/.test(range),
    );
    expect(ranges).toEqual([]);
  });

  it('lets no package run a script when it is installed', () => {
    const npmrc = readFileSync(new URL('../.npmrc', import.meta.url), 'utf8');
    expect(npmrc).toMatch(/^ignore-scripts=true$/m);
    const withScript = installed.filter(([, { hasInstallScript }]) => hasInstallScript === true);
    // Optional: BullMQ does without it, and its script is not run.
    expect(withScript.filter(([, { optional, dev }]) => !optional && !dev).map(([path]) => path)).toEqual([]);
  });

  it('takes packages from the registry alone: from no repository, no address and no folder', () => {
    const elsewhere = installed.filter(
      ([, { resolved, link }]) =>
        link === true || (resolved !== undefined && !resolved.startsWith('https://registry.npmjs.org/')),
    );
    expect(elsewhere.map(([path]) => path)).toEqual([]);
  });

  it('brings no more packages into production than are counted', () => {
    const production = installed.filter(
      ([, { dev, devOptional, optional }]) => !dev && !devOptional && !optional,
    );
    expect(production.length).toBeGreaterThan(50);
    expect(production.length).toBeLessThanOrEqual(MOST_PACKAGES);
  });

  it('has no version with a known advisory', () => {
    const asNumbers = (version = '') => version.split('.').map(Number);
    const isOlder = (version: string | undefined, least: string) => {
      const [have, want] = [asNumbers(version), asNumbers(least)];
      const at = want.findIndex((part, i) => part !== have[i]);
      return at !== -1 && (have[at] ?? 0) < (want[at] ?? 0);
    };
    expect(isOlder('1.18.9', '1.19.0')).toBe(true);
    for (const [name, [least, advisory]] of Object.entries(LEAST)) {
      const all = installed.filter(([path]) => path.endsWith(`node_modules/${name}`));
      expect(all.length, name).toBeGreaterThan(0);
      for (const [, { version }] of all) expect(isOlder(version, least), `${name}: ${advisory}`).toBe(false);
    }
  });
});

interface Component {
  readonly name: string;
  readonly version: string;
  readonly hashes?: readonly unknown[];
  readonly properties?: readonly { readonly name: string; readonly value: string }[];
}

describe('npm run sbom', () => {
  it('lists every package from the lockfile alone, with its hash, those of development marked as such', () => {
    const folder = mkdtempSync(join(tmpdir(), 'sbom-'));
    for (const name of ['package.json', 'package-lock.json', '.npmrc'])
      cpSync(new URL(`../${name}`, import.meta.url), join(folder, name));
    const text = execFileSync('npm', ['run', '--silent', 'sbom'], { cwd: folder, encoding: 'utf8' });
    rmSync(folder, { recursive: true });
    const { bomFormat, components } = JSON.parse(text) as { bomFormat: string; components: Component[] };
    expect(bomFormat).toBe('CycloneDX');
    const isOfDevelopment = ({ properties = [] }: Component) =>
      properties.some(({ name, value }) => name === 'cdx:npm:package:development' && value === 'true');
    const listed = new Map(components.map((one) => [`${one.name}@${one.version}`, one]));
    for (const [path, { version, dev, optional, integrity }] of installed) {
      if (optional === true) continue;
      const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
      const one = listed.get(`${name}@${version}`);
      expect([path, one && isOfDevelopment(one), one?.hashes !== undefined]).toEqual([
        path,
        dev === true,
        integrity !== undefined,
      ]);
    }
  });
});
