// A package with a native module: the bundle leaves it out, and the image has it with all that it depends on.
import { createServer } from 'node:http';

import { mask } from 'bufferutil';

const KEY = Buffer.from([1, 2, 3, 4]);

const server = createServer(async (request, response) => {
  const parts: Buffer[] = [];
  for await (const part of request) {
    parts.push(part as Buffer);
  }
  const body = Buffer.concat(parts);
  const masked = Buffer.alloc(body.length);
  mask(body, KEY, masked, 0, body.length);
  response.setHeader('content-type', 'text/plain');
  response.end(masked);
});

server.listen(process.env.PORT ?? 8080);
process.on('SIGTERM', () => server.close());
