// An ES module: it waits at its top, and asks where it is with `import.meta`.
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';

import { Tide } from './tides.js';

const words = await readFile(new URL('./words.json', import.meta.url), 'utf8');
const names: Record<string, string> = JSON.parse(words);

const server = createServer((request, response) => {
  const tide = request.url === '/high' ? Tide.High : Tide.Low;
  response.setHeader('content-type', 'text/plain');
  response.end(`${names[tide]}\n`);
});

server.listen(process.env.PORT ?? 8080);
process.on('SIGTERM', () => server.close());
