/** What the demo expects in Omni, worked out from the file alone: knows nothing of how omni-sync does it. */

/** The records of a CSV text (RFC 4180, no line breaks within a value), as objects by its header. */
function records(text) {
  const [head, ...rows] = text.trim().split('\n').map(cells);
  return rows.map((row) => Object.fromEntries(head.map((name, i) => [name, row[i] ?? ''])));
}

function cells(line) {
  const found = line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g);
  return [...found].map(([, quoted, plain]) => (quoted === undefined ? plain : quoted.replaceAll('""', '"')));
}

/** The records that belong in Omni: active, no contractor, with an address that nobody else has. */
export function inScope(text) {
  const all = records(text);
  const wanted = all.filter(({ status, department }) => status === 'active' && department !== 'Contractors');
  const holders = Map.groupBy
    ? Map.groupBy(wanted, addressOf)
    : wanted.reduce(
        (map, one) => map.set(addressOf(one), [...(map.get(addressOf(one)) ?? []), one]),
        new Map(),
      );
  return wanted.filter((one) => one.email !== '' && holders.get(addressOf(one)).length === 1);
}

const addressOf = ({ email }) => email.toLowerCase();

/** Each of them as Omni is to hold them. */
export function expectedPeople(text) {
  return inScope(text).map(({ email, first_name, last_name, office, department, level }) => ({
    userName: email,
    displayName: `${first_name} ${last_name}`,
    attributes: { region: office, department, level },
  }));
}
