// Where packages come from is all that is special here: `package.json` and the lock file say which manager installs them.
const fastify = require('fastify')({ logger: false });

fastify.get('/', async () => ({ installedBy: require('./package.json').packageManager }));

fastify.get('/boats/:name', { schema: { params: { type: 'object', properties: { name: { type: 'string', minLength: 4 } } } } },
  async (request) => ({ name: request.params.name }));

fastify.listen({ port: Number(process.env.PORT ?? 8080), host: '0.0.0.0' });
process.on('SIGTERM', () => fastify.close());
