// A newer Node than Debian has: `.nvmrc` asks for it. An ES module without any framework.
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const server = createServer(async (request, response) => {
  const { pathname } = new URL(request.url, 'http://localhost');
  if (pathname === '/version') {
    response.setHeader('content-type', 'text/plain');
    response.end(`${process.version}\n`);
  } else if (pathname === '/count') {
    // Streamed: each line is sent when it is there.
    for await (const line of count(3)) {
      response.write(line);
    }
    response.end();
  } else {
    response.statusCode = 404;
    response.end();
  }
});

async function* count(to) {
  for (let number = 1; number <= to; number += 1) {
    await sleep(10);
    yield `${number}\n`;
  }
}

server.listen(process.env.PORT ?? 8080);
process.on('SIGTERM', () => server.close());
