import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { loadConfig } from '../../config/load.ts';
import { mappingFaults } from '../../plan/map.ts';
import { folder, refusalOf, right, write } from './settings.ts';

const attempt = (content: unknown) => {
  const text = typeof content === 'string' ? content : stringify(content);
  const cwd = folder();
  const path = write(`${cwd}/omni-sync.yaml`, text);
  return () => loadConfig({ path, env: {}, cwd, check: mappingFaults });
};
const told = (content: unknown) =>
  refusalOf(attempt(content)).faults.map(({ line, path, message }) => `${line} ${path} ${message}`);

describe('loadConfig with a check of expressions', () => {
  it('tells every wrong expression with its line, beside all else that is wrong', () => {
    const text = `server: { prot: 80 }
syncs:
  - name: acme
    directory: { type: file, path: people.csv }
    users:
      id: employee_id
      userName: lowr(email)
      displayName: first +
      active: true
      where: department = "x"
      attributes:
        region: { value: office and 1, keep: true }
        level: upper()
    omni: { url: "https://acme.omniapp.co", apiKey: key-of-acme-0123456789 }
    policy: mirror
    leavers:
      protect: [ceo@acme.com, E1, 'title == ']
`;
    expect(told(text).map((line) => line.replace(/(expression is wrong at column \d+).*/, '$1'))).toEqual([
      expect.stringMatching(/^1 server\.prot is no known key/),
      '7 syncs[0].users.userName The expression is wrong at column 1',
      '8 syncs[0].users.displayName The expression is wrong at column 7',
      '10 syncs[0].users.where The expression is wrong at column 12',
      '12 syncs[0].users.attributes.region The expression is wrong at column 8',
      '13 syncs[0].users.attributes.level The expression is wrong at column 1',
      expect.stringMatching(/^15 syncs\[0\]\.policy must be one of/),
      '17 syncs[0].leavers.protect[2] The expression is wrong at column 7',
    ]);
  });

  it('looks at what is there of a section that lacks a setting', () => {
    const tree = right();
    tree.syncs[0].users = { id: 'employee_id', displayName: 'name', where: 'a ==' };
    expect(told(tree)).toEqual([
      expect.stringMatching(/users\.userName is required/),
      expect.stringMatching(/users\.where The expression is wrong/),
    ]);
  });

  it('says of one setting only one thing', () => {
    for (const id of ['', ' ', 'x'.repeat(2001), ['a'], null]) {
      const tree = right();
      tree.syncs[0].users.id = id;
      expect(told(tree), JSON.stringify(id)).toHaveLength(1);
    }
  });

  it('names the owner of the key where that is what is wrong', () => {
    const tree = right();
    tree.syncs[0].omni.keyOwner = 'ops at acme';
    Object.assign(tree.syncs[0], { leavers: { protect: ['E1'] } });
    expect(told(tree)).toEqual([expect.stringMatching(/omni\.keyOwner The expression is wrong/)]);
  });

  it('accepts what compiles', () => {
    const tree = right();
    tree.syncs[0].users.attributes = { region: 'office', level: { value: 'int(grade)', keep: true } };
    Object.assign(tree.syncs[0], { leavers: { protect: ['ceo@acme.com', 'title == "CEO"'] } });
    expect(attempt(tree)().syncs).toHaveLength(1);
  });
});
