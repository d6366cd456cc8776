// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the configuration's own ${…} is under test
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { substitute } from '../../config/environment.ts';

const name = fc.stringMatching(/^[A-Z_][A-Z0-9_]{0,10}$/);
const plain = fc.string({ maxLength: 30 }).filter((text) => !text.includes('${') && !text.endsWith('$'));

describe('substitute', () => {
  it('puts a variable, a default or a plain ${ into a text', () => {
    const env = { HOST: 'acme', EMPTY: '', DOLLAR: '${HOST}' };
    const textOf = (text: string) => substitute({ a: text }, env).tree;
    expect(textOf('https://${HOST}.co/${HOST}')).toEqual({ a: 'https://acme.co/acme' });
    expect(textOf('${NONE:-x}${EMPTY:-y}${HOST:-z}')).toEqual({ a: 'xyacme' });
    expect(textOf('${NONE:-}')).toEqual({ a: '' });
    expect(textOf('$${HOST} $5 $ {} $$')).toEqual({ a: '${HOST} $5 $ {} $$' });
    expect(textOf('${EMPTY}')).toEqual({ a: '' });
    expect(textOf('${DOLLAR}')).toEqual({ a: '${HOST}' });
  });

  it('never touches keys', () => {
    expect(substitute({ '${A}': { '${A:-b}': 'x' } }, { A: 'a' })).toEqual({
      tree: { '${A}': { '${A:-b}': 'x' } },
      faults: [],
    });
  });

  it.each(['${', '${}', '${1A}', '${A-b}', '${A', '${ A }', '${A:b}'])(
    'refuses %s without showing it',
    (text) => {
      const { faults, tree } = substitute({ a: [`${text}SECRET`] }, { A: 'x' });
      expect(faults).toEqual([{ path: ['a', 0], message: expect.stringContaining('write "$${"') }]);
      expect(JSON.stringify(faults)).not.toContain('SECRET');
      expect(tree).toEqual({ a: [`${text}SECRET`] });
    },
  );

  it('leaves out redis.url and server.token alone, and only where a reference is their whole value', () => {
    const faultsOf = (tree: Parameters<typeof substitute>[0]) => substitute(tree, {}).faults.length;
    expect(substitute({ redis: { url: '${A}' }, server: { token: '${B:-}' } }, {})).toEqual({
      tree: { redis: {}, server: {} },
      faults: [],
    });
    expect(faultsOf({ redis: { url: 'redis://${A}' } })).toBe(1);
    expect(faultsOf({ redis: { username: '${A}' } })).toBe(1);
    expect(faultsOf({ syncs: [{ redis: { url: '${A}' } }] })).toBe(1);
  });

  it('gives any value back as it is, between any texts', () => {
    fc.assert(
      fc.property(plain, name, fc.string(), plain, (before, variable, value, after) => {
        const { tree, faults } = substitute([`${before}\${${variable}}${after}`], { [variable]: value });
        expect(faults).toEqual([]);
        expect(tree).toEqual([`${before}${value}${after}`]);
      }),
    );
  });

  it('takes the default exactly where the variable is unset or empty', () => {
    const fallback = fc.string().filter((text) => !text.includes('}'));
    fc.assert(
      fc.property(name, fallback, fc.option(fc.string(), { nil: undefined }), (variable, text, value) => {
        const { tree } = substitute([`\${${variable}:-${text}}`], { [variable]: value });
        expect(tree).toEqual([value === undefined || value === '' ? text : value]);
      }),
    );
  });

  it('leaves texts without a reference, numbers, switches and their order alone', () => {
    const leaf = fc.oneof(plain, fc.integer(), fc.boolean(), fc.constant(null));
    const key = fc
      .stringMatching(/^[a-z]{1,6}$/)
      .filter((word) => !['redis', 'server', 'alerts'].includes(word));
    fc.assert(
      fc.property(fc.dictionary(key, fc.oneof(leaf, fc.array(leaf)), { noNullPrototype: true }), (tree) => {
        expect(substitute(tree, {})).toEqual({ tree, faults: [] });
      }),
    );
  });
});
