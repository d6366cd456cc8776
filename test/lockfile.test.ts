/** package-lock.json, as `npm ci` on any machine needs it: whole, pinned, and every package that is installed here with its hash. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

interface Locked {
  readonly version?: string;
  readonly integrity?: string;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const file = new URL('../package-lock.json', import.meta.url);
const { packages } = JSON.parse(readFileSync(file, 'utf8')) as { packages: Record<string, Locked> };
const installed = Object.entries(packages).filter(([path]) => path !== '');

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
});
