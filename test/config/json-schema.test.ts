// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the configuration's own ${…} is under test
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { jsonSchemaText } from '../../config/json-schema.ts';
import { LDAP, right, spoilt } from './settings.ts';

const EXAMPLE = readFileSync(
  fileURLToPath(new URL('../../config/omni-sync.example.yaml', import.meta.url)),
  'utf8',
);

/** Every name of a setting in a JSON Schema. */
function settingsIn(schema: unknown): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const own = 'properties' in schema ? Object.keys(schema.properties ?? {}) : [];
  return [...own, ...Object.values(schema).flatMap(settingsIn)];
}

describe('jsonSchemaText', () => {
  it('is what config/schema.json holds (else: npx vitest run test/config -u)', async () => {
    await expect(jsonSchemaText()).toMatchFileSnapshot('../../config/schema.json');
  });

  it('accepts what the daemon accepts and marks unknown keys', () => {
    const accepts = new Ajv({ strict: false }).compile(JSON.parse(jsonSchemaText()));
    expect(accepts(parse(EXAMPLE))).toBe(true);
    expect(accepts(right())).toBe(true);
    expect(accepts(spoilt('syncs[0].directory', { ...LDAP, pageSize: '${PAGE_SIZE}' }))).toBe(true);
    expect(accepts(spoilt('syncs[0].omni.apikey', 'x'))).toBe(false);
    expect(accepts(spoilt('syncs[0].policy', undefined))).toBe(false);
    expect(accepts(spoilt('syncs[0].policy', 'upsrt'))).toBe(false);
    expect(accepts(spoilt('syncs[0].directory.type', 'fil'))).toBe(false);
  });

  it('says what each setting is for', () => {
    const without = (schema: unknown, name: string): string[] => {
      if (typeof schema !== 'object' || schema === null) return [];
      const own = 'properties' in schema ? Object.entries(schema.properties ?? {}) : [];
      const bare = own
        .filter(([key, inner]) => key !== 'type' && !('description' in Object(inner)))
        .map(([key]) => `${name}.${key}`);
      return [...bare, ...Object.entries(schema).flatMap(([key, inner]) => without(inner, key))];
    };
    expect(without(JSON.parse(jsonSchemaText()), '')).toEqual([]);
  });

  it('has no setting that the annotated example leaves unexplained', () => {
    const missing = settingsIn(JSON.parse(jsonSchemaText())).filter(
      (name) =>
        !new RegExp(`\\b(${name}:|or ${name}\\b|${name.replace(/File$/, '')}:|or ${name}File)`).test(EXAMPLE),
    );
    expect(missing).toEqual([]);
  });
});
