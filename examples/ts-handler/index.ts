// A handler in TypeScript. Nothing has to be compiled first: the build makes a bundle of it.
import * as functions from '@google-cloud/functions-framework';

interface Greeting {
  name: string;
  length: number;
}

function greet(name: string): Greeting {
  return { name, length: name.length };
}

functions.http('hello', (request, response) => {
  const greeting = greet(String(request.query.name ?? 'world'));
  response.json({ text: `Hello, ${greeting.name}!`, length: greeting.length });
});
