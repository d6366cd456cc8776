/** Bull Board's page and its files, from its package: nothing of the page comes from elsewhere, and nothing in it is inline. */
import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';

const FOLDER = join(dirname(createRequire(import.meta.url).resolve('@bull-board/ui/package.json')), 'dist');
/** Where the board is served; its page asks for everything below it. */
export const BOARD = '/queues';
const OWN_STYLE = 'omni-sync.css';

const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
};

/**
 * The page shows somebody who may write all that Bull Board can do. What is not served here is not shown either: of the acts on a
 * job all but retry and promote, and those on a queue and on all of them.
 */
const STYLE = `
[class*="jobActions-"] li:not(:has(.lucide-refresh-cw, .lucide-corner-up-left)),
[class*="queueActions-"],
.trigger-GNtOnV,
[role="menuitem"]:has(.lucide-pause, .lucide-play, .lucide-refresh-cw) { display: none !important }
`;

/** The page, for any of its paths. */
export function boardPage(uiConfig: object): string {
  const config = JSON.stringify(uiConfig).replace(/</g, '\\u003c');
  return readFileSync(join(FOLDER, 'index.ejs'), 'utf8')
    .replace(/<link[^>]*fonts\.googleapis\.com[^>]*>/, `<link href="static/${OWN_STYLE}" rel="stylesheet">`)
    .replace(/<style>.*?<\/style>/gs, '')
    .replace(/ style="[^"]*"/g, '')
    .replace('<%- uiConfig %>', () => config)
    .replace('<%= basePath %>', `${BOARD}/`)
    .replace('<%= title %>', 'Queues')
    .replace('<%= favIconAlternative %>', 'static/favicon-32x32.png')
    .replace('<%= favIconDefault %>', 'static/images/logo.svg');
}

export interface BoardFile {
  readonly type: string;
  read(): Promise<Buffer>;
}

/** The files, by their path below `static/`: these, and no path is made of what somebody asks for. */
export function boardFiles(): ReadonlyMap<string, BoardFile> {
  const root = join(FOLDER, 'static');
  const names = readdirSync(root, { recursive: true, encoding: 'utf8' });
  const files = names.flatMap((name): [string, BoardFile][] => {
    const type = TYPES[extname(name)];
    return type === undefined ? [] : [[name, { type, read: () => readFile(join(root, name)) }]];
  });
  const own = { type: String(TYPES['.css']), read: async () => Buffer.from(STYLE) };
  return new Map([...files, [OWN_STYLE, own]]);
}
