/** `users`: how a record becomes a person in Omni. Keeps expressions as text; plan/ compiles them. */
import { z } from 'zod';
import { flag, IN_SECTION, mismatch, section, text } from './fields.ts';

/** An expression for one Omni user attribute. */
interface AttributeConfig {
  readonly value: string;
  /** Null leaves what Omni has, instead of clearing it. */
  readonly keep: boolean;
}

/** Every text is a CEL expression over the record's fields, not compiled yet. */
export interface UsersConfig {
  readonly id: string;
  readonly userName: string;
  readonly displayName: string;
  /** Left out: everyone is active. */
  readonly active?: string;
  /** The scope; left out: everyone. */
  readonly where?: string;
  /** By Omni attribute reference. */
  readonly attributes: Readonly<Record<string, AttributeConfig>>;
}

const FORM = 'a text such as email or first_name + " " + last_name';

/** The section `users`. */
export function usersSchema() {
  return section('how a record becomes a person; every value is a CEL expression, a bare field name is one', {
    id: text("the directory's id of a person, which never changes", FORM),
    userName: text('the e-mail address to sign in with', FORM),
    displayName: text('the name that Omni shows', FORM),
    active: expression('whether the person is active; left out: everyone').exactOptional(),
    where: expression('which records belong in Omni; left out: all').exactOptional(),
    attributes: attributesSchema().prefault({}),
  });
}

/** An expression that may be a bare constant, which YAML does not read as a text. */
function expression(what: string) {
  return z
    .union([text(what, FORM), z.number(), z.boolean()], { error: mismatch(what, FORM) })
    .transform(String)
    .describe(what);
}

function attributesSchema() {
  const value = expression('the value of the attribute');
  const detail = section('an attribute with a choice', {
    value,
    keep: flag('whether an empty value leaves what Omni has').prefault(false),
  });
  const attribute = z
    .union([value, detail], {
      error: mismatch('the value of the attribute', `${FORM}, or a section with value and keep`),
    })
    .transform(
      (given): AttributeConfig => (typeof given === 'string' ? { value: given, keep: false } : given),
    );
  const what = "Omni user attributes, by their reference (Omni's settings show it)";
  return z
    .record(z.string(), attribute, { error: mismatch(what, 'a section with keys of its own') })
    .superRefine((attributes, context) => {
      for (const reference of Object.keys(attributes)) {
        const message = referenceProblem(reference);
        if (message !== undefined) context.addIssue({ code: 'custom', path: [reference], message });
      }
    }, IN_SECTION)
    .describe(what);
}

function referenceProblem(reference: string): string | undefined {
  if (/^omni_/i.test(reference))
    return "starts with omni_: Omni's own attributes cannot be written, remove it";
  if (/^[^\s\p{Cc}](.{0,253}[^\s\p{Cc}])?$/u.test(reference)) return undefined;
  return 'is no attribute reference: one to 255 characters, without blanks around it';
}
