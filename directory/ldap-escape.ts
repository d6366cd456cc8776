/** Text as a value within LDAP's own notations. Never for passwords, and never applied twice. */

/** `value` as it stands in a search filter (RFC 4515, section 3): `( ) * \` and NUL as `\xx`. */
export function escapeFilter(value: string): string {
  return value.replace(/[()*\\\0]/g, (character) => `\\${hex(character)}`);
}

function hex(character: string): string {
  return character.charCodeAt(0).toString(16).padStart(2, '0');
}
