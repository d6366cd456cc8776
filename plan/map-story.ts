/** How one record came to its verdict: the scope clause by clause, each field with its expression and value. For whoever asks why. */
import type { Rejection } from '../model/change.ts';
import { isSyncError } from '../model/errors.ts';
import type { DirectoryRecord, FieldValue } from '../model/person.ts';
import type { FieldStory, MappingStory } from '../model/story.ts';
import { clausesOf } from './clauses.ts';
import type { Rule, Rules } from './map-rules.ts';
import { toAttribute, toDisplayName, toSourceId, toUserName } from './map-values.ts';

/** What the mapping made of the record, as far as the story tells it. */
type Verdict =
  | { readonly verdict: 'inScope' | 'outOfScope' | 'inactive'; readonly protected: boolean }
  | { readonly verdict: 'rejected'; readonly rejection: Rejection };

/** The story of a record that came to `verdict`. Never throws for a record. */
export function mappingStory(rules: Rules, record: DirectoryRecord, verdict: Verdict): MappingStory {
  const clauses = (rule: Rule | undefined) => rule && clausesOf(rule.expression.source, record);
  return {
    verdict: verdict.verdict,
    ...(verdict.verdict === 'rejected' && { rejection: reasonOf(verdict.rejection) }),
    where: clauses(rules.where) ?? null,
    active: clauses(rules.active) ?? null,
    fields: fieldStories(rules, record),
    protected: verdict.verdict !== 'rejected' && verdict.protected,
  };
}

function reasonOf({ code, reason }: Rejection): { code: string; reason: string } {
  return { code, reason };
}

function fieldStories(rules: Rules, record: DirectoryRecord): FieldStory[] {
  const told = (field: string, rule: Rule, test: (value: FieldValue) => FieldValue): FieldStory => {
    const { source } = rule.expression;
    try {
      return { field, source, value: test(rule.expression.evaluate(record)) };
    } catch (error) {
      if (!isSyncError(error)) throw error;
      return { field, source, value: null, refusal: error.message };
    }
  };
  return [
    told('id', rules.id, toSourceId),
    told('userName', rules.userName, toUserName),
    told('displayName', rules.displayName, toDisplayName),
    ...rules.attributes.map((rule) => told(`@${rule.name}`, rule, (value) => toAttribute(value, rule.place))),
  ];
}
