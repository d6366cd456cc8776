/** Holds the expressions of a sync to a check that is handed in, since plan/ compiles them. Never evaluates one. */
import type { z } from 'zod';
import { pathText, type SettingPath } from './errors.ts';

/** The expressions of one sync, as far as they could be read: whatever else is wrong there is told beside. */
export interface Expressions {
  readonly id?: string;
  readonly userName?: string;
  readonly displayName?: string;
  readonly active?: string;
  readonly where?: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** Addresses, ids and expressions: leavers.protect, and the key's owner. */
  readonly protect: readonly string[];
}

/** What is wrong with them: `path` begins with the name of a field of `Expressions`. */
export type ExpressionCheck = (
  expressions: Expressions,
) => readonly { readonly path: SettingPath; readonly message: string }[];

interface HalfChecked {
  readonly users?: unknown;
  readonly leavers?: unknown;
  readonly omni?: unknown;
}

/** For superRefine of a sync. Says nothing of a setting that has a fault already. */
export function compilable(check: ExpressionCheck) {
  return (sync: HalfChecked, context: z.RefinementCtx): void => {
    const said = new Set(context.issues.map(({ path = [] }) => pathText(path)));
    const protect = protectedIn(sync);
    const expressions = { ...expressionsOf(sync.users), protect: [...protect, ...keyOwnerIn(sync)] };
    for (const fault of check(expressions)) {
      const [first, index] = fault.path;
      const section = first === 'protect' ? 'leavers' : 'users';
      const path = first === 'protect' && index === protect.length ? KEY_OWNER : [section, ...fault.path];
      if (!said.has(pathText(path)))
        context.addIssue({ code: 'custom', path: [...path], message: fault.message });
    }
  };
}

const KEY_OWNER = ['omni', 'keyOwner'];

const SINGLE = ['id', 'userName', 'displayName', 'active', 'where'];

function expressionsOf(users: unknown): Omit<Expressions, 'protect'> {
  const given = fieldsOf(users);
  const single = SINGLE.flatMap((name): [string, string][] => {
    const written = given[name];
    return typeof written === 'string' ? [[name, written]] : [];
  });
  const attributes = Object.entries(fieldsOf(given.attributes)).flatMap(attributeEntry);
  return { ...Object.fromEntries(single), attributes: Object.fromEntries(attributes) };
}

function protectedIn({ leavers }: HalfChecked): readonly string[] {
  const { protect } = fieldsOf(leavers);
  return isTexts(protect) ? protect : [];
}

/** Protected as if it stood at the end of leavers.protect. */
function keyOwnerIn({ omni }: HalfChecked): readonly string[] {
  const { keyOwner } = fieldsOf(omni);
  return typeof keyOwner === 'string' ? [keyOwner] : [];
}

function attributeEntry([name, attribute]: [string, unknown]): [string, string][] {
  const value = typeof attribute === 'string' ? attribute : fieldsOf(attribute).value;
  return typeof value === 'string' ? [[name, value]] : [];
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === 'string');
}
