/**
 * A directory record → what Omni should hold of the person, and whether they belong there at all.
 * Must never throw for a record, whatever it holds: one that cannot be mapped is rejected, alone, with the reason.
 */
import type { Rejection } from '../model/change.ts';
import { isSyncError } from '../model/errors.ts';
import {
  type AttributeValue,
  addressKey,
  type DesiredUser,
  type DirectoryRecord,
  type FieldValue,
} from '../model/person.ts';
import type { MappingStory } from '../model/story.ts';
import { compileRules, fieldsOf, type MappingOptions, prefixed, type Rule, type Rules } from './map-rules.ts';
import { mappingStory } from './map-story.ts';
import {
  assertSendable,
  refusal,
  toAttribute,
  toBoolean,
  toDisplayName,
  toSourceId,
  toUserName,
} from './map-values.ts';

export { type MappingOptions, mappingFaults } from './map-rules.ts';

/** What came of one record. `desired` may be absent out of scope, where it could not be made. */
export type Mapped =
  | {
      readonly verdict: 'inScope';
      readonly sourceId: string;
      readonly desired: DesiredUser;
      readonly protected: boolean;
    }
  | {
      readonly verdict: 'outOfScope' | 'inactive';
      readonly sourceId: string;
      readonly desired?: DesiredUser;
      readonly protected: boolean;
    }
  | { readonly verdict: 'rejected'; readonly rejection: Rejection };

export interface Mapping {
  /** The record fields that it reads. */
  readonly fields: ReadonlySet<string>;
  /** The fields that an id and an address come from, where each is one as it stands. */
  readonly lookUp: { readonly id?: string; readonly userName?: string };
  /** The mapped Omni attribute references, sorted by code unit. */
  readonly attributeNames: readonly string[];
  map(record: DirectoryRecord): Mapped;
  /** The id of somebody of whom only these fields are left; nothing where the id is made of others too. */
  identify(left: DirectoryRecord): string | undefined;
  /** How it came to that, step by step. */
  story(record: DirectoryRecord): MappingStory;
  /** Whether `protect` names this person by id or address: that holds when the record is gone, too. */
  protects(person: { readonly sourceId: string; readonly userName: string }): boolean;
}

/**
 * Compiles a mapping.
 * @throws SyncError `config`, with the code of the first fault and a line for each: `attributes.region: …`.
 */
export function compileMapping(options: MappingOptions): Mapping {
  const rules = compileRules(options);
  return {
    fields: fieldsOf(rules),
    lookUp: lookUpOf(rules),
    attributeNames: rules.attributes.map((attribute) => attribute.name),
    map: (record) => mapRecord(rules, record),
    identify: (left) => {
      const isLeft = [...rules.id.expression.fields].every((field) => Object.hasOwn(left, field));
      return isLeft ? attempt(() => toSourceId(evaluated(rules.id, left))) : undefined;
    },
    story: (record) => mappingStory(rules, record, mapRecord(rules, record)),
    protects: ({ sourceId, userName }) => isNamed(rules, sourceId, userName),
  };
}

function lookUpOf({ id, userName }: Rules): Mapping['lookUp'] {
  const { field: byId } = id.expression;
  const { field: byName } = userName.expression;
  return { ...(byId !== undefined && { id: byId }), ...(byName !== undefined && { userName: byName }) };
}

function mapRecord(rules: Rules, record: DirectoryRecord): Mapped {
  let sourceId: string | undefined;
  try {
    assertKeys(record);
    sourceId = toSourceId(evaluated(rules.id, record));
    return judge(rules, record, sourceId);
  } catch (error) {
    if (!isSyncError(error)) throw error;
    const { code, message: reason } = error;
    return { verdict: 'rejected', rejection: { code, reason, ...(sourceId !== undefined && { sourceId }) } };
  }
}

function assertKeys(record: DirectoryRecord): void {
  for (const name of ['__proto__', 'constructor', 'prototype']) {
    if (!Object.hasOwn(record, name)) continue;
    throw refusal('record.forbidden-key', `The record has a field ${name}. Rename it in the directory.`);
  }
}

/** A rule's value, its errors told under its place. */
function evaluated(rule: Rule, record: DirectoryRecord): FieldValue {
  try {
    return rule.expression.evaluate(record);
  } catch (error) {
    throw isSyncError(error) ? prefixed(rule.place, error) : error;
  }
}

function judge(rules: Rules, record: DirectoryRecord, sourceId: string): Mapped {
  const belongs = holds(rules.where, record, 'where');
  const verdict = !belongs ? 'outOfScope' : holds(rules.active, record, 'active') ? 'inScope' : 'inactive';
  if (verdict === 'inScope') {
    const desired = desire(rules, record, sourceId);
    return { verdict, sourceId, desired, protected: isProtected(rules, record, sourceId, desired.userName) };
  }
  const desired = attempt(() => desire(rules, record, sourceId));
  const userName = desired?.userName ?? attempt(() => toUserName(evaluated(rules.userName, record)));
  const shielded = isProtected(rules, record, sourceId, userName);
  return { verdict, sourceId, protected: shielded, ...(desired !== undefined && { desired }) };
}

function holds(rule: Rule | undefined, record: DirectoryRecord, code: string): boolean {
  return rule === undefined || toBoolean(evaluated(rule, record), rule.place, code);
}

/** What `make` gives, or nothing where the record refuses it. */
function attempt<Made>(make: () => Made): Made | undefined {
  try {
    return make();
  } catch (error) {
    if (isSyncError(error)) return undefined;
    throw error;
  }
}

function desire(rules: Rules, record: DirectoryRecord, sourceId: string): DesiredUser {
  const userName = toUserName(evaluated(rules.userName, record));
  const displayName = toDisplayName(evaluated(rules.displayName, record));
  const attributes: Record<string, AttributeValue> = {};
  for (const rule of rules.attributes) {
    const value = toAttribute(evaluated(rule, record), rule.place);
    if (value !== null || !rule.keep) attributes[rule.name] = value;
  }
  const desired = { sourceId, userName, displayName, attributes };
  assertSendable(desired);
  return desired;
}

/** An expression that fails rejects the record: its person is then present, and nobody takes them away. */
function isProtected(
  rules: Rules,
  record: DirectoryRecord,
  sourceId: string,
  userName: string | undefined,
): boolean {
  if (isNamed(rules, sourceId, userName)) return true;
  return rules.protectedWhere.some((rule) => toBoolean(evaluated(rule, record), rule.place, 'protect'));
}

function isNamed(rules: Rules, sourceId: string, userName: string | undefined): boolean {
  if (rules.protectedIds.has(sourceId)) return true;
  if (userName === undefined || rules.protectedAddresses.size === 0) return false;
  return rules.protectedAddresses.has(addressKey(userName));
}
