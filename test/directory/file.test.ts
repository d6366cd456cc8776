import {
  appendFile,
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  rename,
  rm,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FileOptions, openFile } from '../../directory/file.ts';
import { openDirectory } from '../../directory/select.ts';
import type { DirectoryRecord } from '../../model/person.ts';
import { describeDirectory, readAll } from '../contract/directory.ts';

let folder: string;
let files = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'file-directory-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

type Format = 'csv' | 'json' | 'ndjson';
const FORMATS: readonly Format[] = ['csv', 'json', 'ndjson'];

async function written(extension: string, content: string | Buffer): Promise<string> {
  files += 1;
  const path = join(folder, `people-${files}.${extension}`);
  await writeFile(path, content);
  return path;
}

async function read(extension: string, content: string | Buffer, more: Partial<FileOptions> = {}) {
  return readAll(openFile({ type: 'file', path: await written(extension, content), ...more }));
}

async function faultOf(extension: string, content: string | Buffer, more: Partial<FileOptions> = {}) {
  return read(extension, content, more).then(
    (records) => ({ complete: records }),
    (error: unknown) => error,
  );
}

const WRITERS: Readonly<Record<Format, (people: readonly Record<string, string>[]) => string>> = {
  csv: (people) => `id,name\n${people.map(({ id, name }) => `${id},"${name}"\n`).join('')}`,
  json: (people) => JSON.stringify(people, null, 1),
  ndjson: (people) => `${people.map((person) => JSON.stringify(person)).join('\n')}\n`,
};

function somePeople(count: number): { id: string; name: string }[] {
  return Array.from({ length: count }, (_, at) => ({ id: `E${at}`, name: `Žofie, ${at}` }));
}

for (const format of FORMATS) {
  describeDirectory(`openFile on ${format}`, {
    people: async (count) =>
      openFile({ type: 'file', path: await written(format, WRITERS[format](somePeople(count))) }),
    failingMidway: async () => {
      const whole = Buffer.from(WRITERS[format](somePeople(20_000)));
      return openFile({ type: 'file', path: await written(format, whole.subarray(0, whole.length - 7)) });
    },
  });
}

describe('openFile on every format', () => {
  it.each([
    ['csv', 'id,name\na,"two\nlines"\n\nb,x\r\nc,y\n', ['line 2', 'line 5', 'line 6']],
    ['ndjson', '{"id":"a"}\n\n{"id":"b"}\n{"id":"c"}', ['line 1', 'line 3', 'line 4']],
    ['json', '[{"id":"a"},\n\n{"id":"b"},{"id":"c"}]', ['element 1', 'element 2', 'element 3']],
  ])('says where each record of %s stands', async (extension, content, expected) => {
    const places: (string | undefined)[] = [];
    for await (const page of openFile({ type: 'file', path: await written(extension, content) }).pages()) {
      places.push(...page.map((_, index) => page.placeOf?.(index)));
    }
    expect(places).toEqual(expected);
  });

  it('counts places on from page to page', async () => {
    for (const [format, last] of [
      ['csv', 'line 2502'],
      ['ndjson', 'line 2501'],
      ['json', 'element 2501'],
    ] as const) {
      const path = await written(format, WRITERS[format](somePeople(2501)));
      let place: string | undefined;
      for await (const page of openFile({ type: 'file', path }).pages())
        place = page.placeOf?.(page.length - 1);
      expect(place).toBe(last);
    }
  });

  it.each(FORMATS)('ignores a byte order mark in %s', async (format) => {
    const people = somePeople(2);
    expect(await read(format, `\ufeff${WRITERS[format](people)}`)).toEqual(people);
  });

  it.each(FORMATS)('takes an empty %s for no directory at all', async (format) => {
    expect(await faultOf(format, '')).toMatchObject({ kind: 'incomplete', code: 'file.empty' });
    expect(await faultOf(format, '\ufeff')).toMatchObject({ kind: 'incomplete', code: 'file.empty' });
  });

  it.each(FORMATS)('names the place of a byte that is no UTF-8 in %s', async (format) => {
    const bytes = Buffer.from(WRITERS[format]([{ id: 'E1', name: 'Ann@' }]));
    bytes[bytes.indexOf('@')] = 0xe9;
    const error = await faultOf(format, bytes);
    expect(error).toMatchObject({ kind: 'incomplete', code: 'file.encoding' });
    expect(error).toMatchObject({ message: expect.stringMatching(/line \d+, column \d+/) });
  });

  it.each(FORMATS)('refuses a NUL byte in %s', async (format) => {
    const text = WRITERS[format]([{ id: 'E1', name: 'Ann@' }]).replace('@', '\0');
    expect(await faultOf(format, text)).toMatchObject({ code: 'file.nul' });
  });

  it.each(FORMATS)('refuses UTF-16 in %s', async (format) => {
    const bytes = Buffer.from(`\ufeff${WRITERS[format](somePeople(2))}`, 'utf16le');
    expect(await faultOf(format, bytes)).toMatchObject({ code: 'file.encoding' });
  });

  it.each(FORMATS)('makes %s cut at any byte incomplete, except between two records', async (format) => {
    const people = somePeople(3);
    const whole = Buffer.from(WRITERS[format](people));
    for (let length = 0; length < whole.length; length += 1) {
      const path = await written(format, whole.subarray(0, length));
      const records: DirectoryRecord[] = [];
      const error = await collect(path, records).catch((caught: unknown) => caught);
      expect(people.slice(0, records.length), `${length} bytes`).toEqual(records);
      if (error === undefined) expect(isBoundary(format, whole, length), `${length} bytes`).toBe(true);
      else
        expect(error, `${length} bytes`).toMatchObject({
          kind: 'incomplete',
          code: expect.stringMatching(/^file\./),
        });
      await rm(path);
    }
    expect(await read(format, whole)).toEqual(people);
  });

  async function collect(path: string, records: DirectoryRecord[]): Promise<undefined> {
    for await (const page of openFile({ type: 'file', path }).pages()) records.push(...page);
  }

  /** CSV: behind a line break. NDJSON: there, or before it. A JSON array closes once, at its end. */
  function isBoundary(format: Format, whole: Buffer, length: number): boolean {
    if (format === 'json') return false;
    return whole[length - 1] === 0x0a || (format === 'ndjson' && whole[length] === 0x0a);
  }

  it.each(FORMATS)('reads %s the same wherever its chunks end', async (format) => {
    // Characters of four bytes across the ends of the chunks of 256 KiB.
    for (const shift of [0, 1, 2, 3]) {
      const people = [
        { id: 'x'.repeat(shift + 1), name: '😀"'.replace('"', '').repeat(200_000) },
        ...somePeople(2),
      ];
      expect(await read(format, WRITERS[format](people))).toEqual(people);
    }
  });

  it.each(FORMATS)('refuses one record of more than 1 MiB in %s', async (format) => {
    const people = [...somePeople(2), { id: 'E3', name: 'x'.repeat(1024 * 1024 + 10) }];
    expect(await faultOf(format, WRITERS[format](people))).toMatchObject({ code: 'file.too_long' });
  });

  it.each(['csv', 'json', 'ndjson'] as const)(
    'never shows what it read in an error of %s',
    async (format) => {
      const text = WRITERS[format](somePeople(3)).replace('Žofie, 1"', 'Planted-Name" x');
      const error = await faultOf(format, text);
      expect(error).toMatchObject({ kind: 'incomplete' });
      const shown = error instanceof Error ? `${error.message} ${error.stack} ${String(error.cause)}` : '';
      expect(shown).not.toMatch(/Planted|E1/);
    },
  );
});

describe('openFile and the file itself', () => {
  const reading = (path: string) => readAll(openFile({ type: 'file', path, format: 'csv' }));

  it('says that a file is missing, a folder or a device', async () => {
    await expect(reading(join(folder, 'nobody.csv'))).rejects.toMatchObject({ code: 'file.missing' });
    await expect(reading(folder)).rejects.toMatchObject({ kind: 'incomplete', code: 'file.not_regular' });
    await expect(reading('/dev/zero')).rejects.toMatchObject({ code: 'file.not_regular' });
    await expect(reading(join(await written('csv', 'id\n'), 'x'))).rejects.toMatchObject({
      code: 'file.missing',
    });
  });

  it('says that a loop of links cannot be read', async () => {
    const link = join(folder, 'loop.csv');
    await symlink(link, link);
    await expect(reading(link)).rejects.toMatchObject({
      code: 'file.unreadable',
      message: expect.stringMatching(/ELOOP/),
    });
  });

  it('says that a file may not be read', async () => {
    const path = await written('csv', 'id\n1\n');
    await chmod(path, 0);
    // Root may read everything: as nobody, then.
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) process.seteuid?.(65534);
    try {
      await expect(reading(path)).rejects.toMatchObject({ kind: 'incomplete', code: 'file.denied' });
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
  });

  it.each<[string, (path: string) => Promise<unknown>]>([
    ['grew', (path) => appendFile(path, 'E99999,"Ann"\n')],
    ['shrank', (path) => truncate(path, 1000)],
    ['was written anew', (path) => writeFile(path, WRITERS.csv(somePeople(20_000)))],
    ['was touched', (path) => utimes(path, 1, 1)],
    ['was replaced', async (path) => rename(await written('csv', WRITERS.csv(somePeople(20_000))), path)],
    ['was removed', (path) => rm(path)],
  ])('makes a file that %s while it was read incomplete', async (_, change) => {
    const path = await written('csv', WRITERS.csv(somePeople(20_000)));
    let pages = 0;
    const read = async () => {
      for await (const _page of openFile({ type: 'file', path }).pages()) {
        pages += 1;
        if (pages === 1) await change(path);
      }
    };
    await expect(read()).rejects.toMatchObject({ kind: 'incomplete' });
  });

  it('closes the file when the reader leaves early', async () => {
    const path = await written('csv', WRITERS.csv(somePeople(20_000)));
    const before = (await readdir('/dev/fd')).length;
    for (let round = 0; round < 50; round += 1) {
      for await (const _ of openFile({ type: 'file', path }).pages()) break;
    }
    expect((await readdir('/dev/fd')).length).toBeLessThan(before + 10);
  });
});

describe('openFile before it reads', () => {
  it('takes the format from the extension, or as it is told', async () => {
    expect(await read('JSONL', '{"id":"1"}\n')).toEqual([{ id: '1' }]);
    expect(await read('txt', '[{"id":"1"}]', { format: 'json' })).toEqual([{ id: '1' }]);
    expect(() => openFile({ type: 'file', path: 'people.txt' })).toThrow(
      expect.objectContaining({ kind: 'config', code: 'file.format' }),
    );
  });

  it.each(['', ';;', '"', '\n', '\r', '\0'])('refuses %j as a delimiter', (delimiter) => {
    expect(() => openDirectory({ type: 'file', path: 'people.csv', delimiter })).toThrow(
      expect.objectContaining({ kind: 'config', code: 'file.delimiter' }),
    );
  });

  it('is found by its type', async () => {
    const path = join(await mkdirIn('chosen'), 'people.csv');
    await writeFile(path, 'id\n1\n');
    expect(await readAll(openDirectory({ type: 'file', path }))).toEqual([{ id: '1' }]);
    expect(openDirectory({ type: 'file', path }).name).toBe(`file ${path}`);
  });

  async function mkdirIn(name: string): Promise<string> {
    await mkdir(join(folder, name));
    return join(folder, name);
  }
});

describe('openFile on CSV', () => {
  it.each<[string, string, unknown[]]>([
    ['plain rows', 'a,b\n1,2\n', [{ a: '1', b: '2' }]],
    ['CR LF', 'a,b\r\n1,2\r\n', [{ a: '1', b: '2' }]],
    [
      'both line endings in one file',
      'a,b\r\n1,2\n3,4\r\n',
      [
        { a: '1', b: '2' },
        { a: '3', b: '4' },
      ],
    ],
    ['quoted delimiters', 'a,b\n"1,5",2\n', [{ a: '1,5', b: '2' }]],
    ['doubled quotes', 'a,b\n"say ""hi""",2\n', [{ a: 'say "hi"', b: '2' }]],
    ['quoted line breaks', 'a,b\n"one\r\ntwo\n",2\n', [{ a: 'one\r\ntwo\n', b: '2' }]],
    ['quoted header names', '"a","b,c"\n1,2\n', [{ a: '1', 'b,c': '2' }]],
    ['blanks as they are', 'a,b\n 1 ," 2"\n', [{ a: ' 1 ', b: ' 2' }]],
    ['blanks round header names away', ' a , b\n1,2\n', [{ a: '1', b: '2' }]],
    ['empty values as null', 'a,b,c\n,"",x\n', [{ a: null, b: null, c: 'x' }]],
    ['empty lines as no rows', '\na,b\n\n1,2\n\r\n\n', [{ a: '1', b: '2' }]],
    ['values that look like markup', 'a,b\n=1+1,#x\n', [{ a: '=1+1', b: '#x' }]],
    ['a byte order mark in a value', 'a\nx\ufeffy\n', [{ a: 'x\ufeffy' }]],
    [
      'names from the prototype of objects',
      'toString,hasOwnProperty\n1,2\n',
      [{ toString: '1', hasOwnProperty: '2' }],
    ],
  ])('reads %s', async (_, text, expected) => {
    expect(await read('csv', text)).toEqual(expected);
  });

  it.each([[';'], ['\t'], ['|'], ['§'], [' ']])('reads with the delimiter %j', async (delimiter) => {
    expect(await read('csv', `a${delimiter}b\n1,5${delimiter}2\n`, { delimiter })).toEqual([
      { a: '1,5', b: '2' },
    ]);
  });

  it.each<[string, string, string, RegExp]>([
    ['too few columns', 'a,b\n1,2\n3\n', 'file.columns', /line 3, column 2: expected 2 columns.*found 1/],
    ['too many columns', 'a,b\n1,2,3\n', 'file.columns', /line 2, column 3: expected 2 columns.*found 3/],
    ['the line after quoted breaks', 'a,b\n"x\r\ny\nz",2\n3\n', 'file.columns', /line 5,/],
    ['a quote within a plain value', 'a,b\n1,x"y\n', 'file.malformed', /line 2, column 2/],
    ['text behind a closing quote', 'a,b\n1,2\n"x"y,2\n', 'file.malformed', /line 3, column 1/],
    ['a quote that is never closed', 'a,b\n1,"x\n3,4\n', 'file.cut', /line 2, column 2/],
    ['a last row without a line break', 'a,b\n1,activ', 'file.cut', /line 2, column 2/],
    ['a last row that ends with CR', 'a,b\n1,2\r', 'file.cut', /line 2/],
    ['a column without a name', 'a,,c\n', 'file.header', /line 1, column 2/],
    ['a column name that comes twice', 'a,b, a\n', 'file.header', /line 1, column 3/],
    ['__proto__ as a column name', 'a,__proto__\n', 'file.header', /column 2.*__proto__/],
    ['constructor as a column name', 'constructor\n', 'file.header', /column 1/],
    ['prototype as a column name', 'prototype\n', 'file.header', /column 1/],
    ['line endings of CR alone', 'a,b\r1,2\r\n', 'file.header', /LF/],
    ['nothing but empty lines', '\n\n', 'file.empty', /empty/],
  ])('is incomplete at %s', async (_, text, code, message) => {
    expect(await faultOf('csv', text)).toMatchObject({
      kind: 'incomplete',
      code,
      message: expect.stringMatching(message),
    });
  });

  it('names every column that the mapping needs and the header lacks', async () => {
    expect(
      await faultOf('csv', 'id,mail\n1,x\n', { fields: ['id', 'dept', 'mail', 'office'] }),
    ).toMatchObject({
      code: 'file.field_missing',
      message: expect.stringMatching(/line 1.*"dept", "office"/),
    });
    expect(await faultOf('csv', 'id;mail\n1;x\n', { fields: ['id'] })).toMatchObject({
      message: expect.stringMatching(/delimiter/),
    });
    expect(await read('csv', 'id,more\n1,x\n', { fields: ['id'] })).toHaveLength(1);
  });

  it('gives out the row before a broken one', async () => {
    const path = await written('csv', 'id,name\na,x\nb,y\nc,"z');
    const ids: unknown[] = [];
    const reading = (async () => {
      for await (const page of openFile({ type: 'file', path }).pages())
        ids.push(...page.map(({ id }) => id));
    })();
    await expect(reading).rejects.toMatchObject({ code: 'file.cut' });
    expect(ids).toEqual(['a', 'b']);
  });

  it('takes a header alone for an empty directory', async () => {
    expect(await read('csv', 'id,mail\n', { fields: ['id'] })).toEqual([]);
  });

  it('gives back every table that was written by the rules', async () => {
    const value = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('"', ',', '\n', '\r\n', '\r', ' ', '""'),
    );
    const clean = value.map((text) => text.replaceAll('\0', '').replace(/[\ud800-\udfff]/g, ''));
    const table = fc
      .integer({ min: 2, max: 4 })
      .chain((width) =>
        fc.array(fc.array(clean, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 5 }),
      );
    await fc.assert(
      fc.asyncProperty(
        table,
        fc.constantFrom('\n', '\r\n'),
        fc.constantFrom(',', ';', '\t'),
        async (rows, end, delimiter) => {
          const names = (rows[0] ?? []).map((_, at) => `f${at}`);
          const quote = (text: string) => `"${text.replaceAll('"', '""')}"`;
          const text = [names, ...rows].map((row) => row.map(quote).join(delimiter) + end).join('');
          const expected = rows.map((row) =>
            Object.fromEntries(row.map((cell, at) => [`f${at}`, cell === '' ? null : cell])),
          );
          expect(await read('csv', text, { delimiter })).toEqual(expected);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('openFile on JSON and NDJSON', () => {
  const both = (text: string) => [['json', `[${text}]`] as const, ['ndjson', `${text}\n`] as const];
  const nested = (levels: number) => `${'{"a":'.repeat(levels - 1)}{}${'}'.repeat(levels - 1)}`;

  it('reads blanks, blank lines and CR LF', async () => {
    expect(await read('json', ' [ \r\n{ "id" : 1 }\n\t, {"id":2} ] \n')).toEqual([{ id: 1 }, { id: 2 }]);
    expect(await read('ndjson', ' {"id":1} \r\n\r\n \t\n{"id":2}')).toEqual([{ id: 1 }, { id: 2 }]);
  });

  it('takes [] and a blank line for an empty directory', async () => {
    expect(await read('json', '[]')).toEqual([]);
    expect(await read('json', ' [ ] ')).toEqual([]);
    expect(await read('ndjson', '\n')).toEqual([]);
  });

  it('makes empty text null and leaves other values as they are', async () => {
    for (const [extension, text] of both('{"a":"","b":0,"c":false,"d":null,"e":[""],"f":{"g":""},"h":" "}')) {
      expect(await read(extension, text)).toEqual([
        { a: null, b: 0, c: false, d: null, e: [''], f: { g: '' }, h: ' ' },
      ]);
    }
  });

  it('reads brackets, quotes and backslashes within text', async () => {
    const person = { 'a]"{': '}]\\"', b: '\\', c: '\\\\"', d: ['[', '{'], e: '\u2028\ud83d\ude00' };
    for (const [extension, text] of both(JSON.stringify(person)))
      expect(await read(extension, text)).toEqual([person]);
  });

  it('leaves a key __proto__ where it harms nobody', async () => {
    for (const [extension, text] of both('{"__proto__":{"admin":true},"id":"1"}')) {
      const [record] = await read(extension, text);
      expect(Object.hasOwn(record ?? {}, '__proto__')).toBe(true);
      expect(Object.getPrototypeOf(record)).toBe(Object.prototype);
      expect({}).not.toHaveProperty('admin');
    }
  });

  it('reads records 20 deep and refuses deeper ones', async () => {
    for (const [extension, text] of both(nested(20))) expect(await read(extension, text)).toHaveLength(1);
    for (const levels of [21, 100_000]) {
      for (const [extension, text] of both(nested(levels))) {
        expect(await faultOf(extension, text)).toMatchObject({ code: 'file.too_deep' });
      }
    }
  });

  it.each<[string, string, string, RegExp]>([
    ['json', '{"id":1}', 'file.malformed', /line 1, column 1: expected '\['/],
    ['json', '[\n1]', 'file.malformed', /line 2, column 1: expected an object or '\]'/],
    ['json', '[{"id":1}\n,]', 'file.malformed', /line 2, column 2: expected an object/],
    ['json', '[{"id":1},\n  {"id":x}]', 'file.malformed', /line 2, column 9/],
    ['json', '[{"id":1} {"id":2}]', 'file.malformed', /column 11: expected ','/],
    ['json', '[{"id":1]', 'file.malformed', /column 9/],
    ['json', '[{"id":[1}]', 'file.malformed', /column 10/],
    ['json', '[{"id":1}]]', 'file.malformed', /column 11: expected nothing more/],
    ['json', '[{"id":1}]\n[]', 'file.malformed', /line 2, column 1/],
    ['json', '[{"id":1}', 'file.cut', /column 10/],
    ['json', '[{"id":1},', 'file.cut', /column 11/],
    ['json', '[{"id":1},\n{"id":"a', 'file.cut', /line 2, column 9/],
    ['json', '[', 'file.cut', /column 2/],
    ['json', ' \n', 'file.empty', /empty/],
    ['ndjson', '{"id":1}\n{"id":x}\n', 'file.malformed', /line 2, column 7/],
    ['ndjson', '{"id":1}\n{"id":', 'file.cut', /line 2, column 7/],
    ['ndjson', '{"id":1}\n\n[1]\n', 'file.malformed', /line 3, column 1: expected a JSON object/],
    ['ndjson', '{"id":1}\nnull\n', 'file.malformed', /line 2/],
    ['ndjson', '{"id":1} {"id":2}\n', 'file.malformed', /line 1, column 10/],
    ['ndjson', `{"id":"a\tb"}\n`, 'file.malformed', /line 1, column 9/],
  ])('is incomplete in %s at %j', async (extension, text, code, message) => {
    expect(await faultOf(extension, text)).toMatchObject({
      kind: 'incomplete',
      code,
      message: expect.stringMatching(message),
    });
  });

  it('gives back whatever JSON holds', async () => {
    const person = fc
      .dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue({ maxDepth: 3, noUnicodeString: false }))
      .filter((one) => !Object.values(one).includes(''));
    await fc.assert(
      fc.asyncProperty(
        fc.array(person, { minLength: 1, maxLength: 5 }),
        fc.nat(3),
        async (people, indent) => {
          const expected = JSON.parse(JSON.stringify(people));
          expect(await read('json', JSON.stringify(people, null, indent))).toEqual(expected);
          expect(await read('ndjson', people.map((one) => JSON.stringify(one)).join('\n'))).toEqual(expected);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('openFile on records that are large', () => {
  const PHOTO = 'x'.repeat(1_000_000);
  const photographed = (count: number) => somePeople(count).map((one) => ({ ...one, photo: PHOTO }));
  const WITH_PHOTO: Readonly<Record<Format, (people: ReturnType<typeof photographed>) => string>> = {
    csv: (people) =>
      `id,name,photo\n${people.map((one) => `${one.id},"${one.name}",${one.photo}\n`).join('')}`,
    json: WRITERS.json,
    ndjson: WRITERS.ndjson,
  };

  it.each(FORMATS)('ends a page of %s before it holds much more than 8 MiB of the file', async (format) => {
    const path = await written(format, WITH_PHOTO[format](photographed(20)));
    const sizes: number[] = [];
    for await (const page of openFile({ type: 'file', path }).pages()) sizes.push(page.length);
    expect(sizes).toEqual([9, 9, 2]);
  });

  it.each(FORMATS)('keeps of %s only the fields that the mapping reads', async (format) => {
    const records = await read(format, WITH_PHOTO[format](photographed(2)), { fields: ['id', 'name'] });
    expect(records).toEqual(somePeople(2));
  });

  it.each(['json', 'ndjson'] as const)(
    'keeps what the mapping rejects a record of %s for',
    async (format) => {
      const text = `{"id":"E1","__proto__":{"a":1},"constructor":"","photo":"${PHOTO}"}`;
      const [record = {}] = await read(format, format === 'json' ? `[${text}]` : text, { fields: ['id'] });
      expect(Object.keys(record).sort()).toEqual(['__proto__', 'constructor', 'id']);
      expect(Object.getPrototypeOf(record)).toBe(Object.prototype);
    },
  );

  it('looks through a header of very many columns in a moment', async () => {
    const header = Array.from({ length: 130_000 }, (_, at) => `c${at}`).join(',');
    const started = performance.now();
    expect(await read('csv', `${header}\n`, { fields: ['c7'] })).toEqual([]);
    expect(performance.now() - started).toBeLessThan(60_000);
  });
});
