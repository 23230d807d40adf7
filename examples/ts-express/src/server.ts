// An Express application in several files. `npm start` names what to run; the build bundles it, so that neither `tsx`
// nor a `build` script is needed in the image.
import { readFileSync } from 'node:fs';
import path from 'node:path';

import express, { type NextFunction, type Request, type Response } from 'express';

import { find, names } from '@boats/fleet';

const app = express();

// A file beside the code: the bundle lies where its first file did.
const about = readFileSync(path.join(__dirname, 'about.txt'), 'utf8');

app.get('/', (_request: Request, response: Response) => {
  response.json({ about: about.trim(), boats: names() });
});

app.get('/boats/:name', (request: Request, response: Response) => {
  response.json(find(String(request.params.name)));
});

// The stack names lines of the source, not of the bundle.
app.use((error: Error, _request: Request, response: Response, _next: NextFunction) => {
  console.error(error.stack);
  response.status(500).type('text/plain').send(`${error.stack}\n`);
});

const server = app.listen(Number(process.env.PORT ?? 8080), () => console.log('listening'));
process.on('SIGTERM', () => server.close());
