import { once } from 'node:events';
import { createServer } from 'node:http';

/**
 * Offers the test files a Postgres and a Redis (`testDatabase`, `testRedisUrl`). They start when a file first asks, so a
 * run of pure tests starts nothing and needs no build.
 */
export default async function setup({ projects }) {
  // Where there is no Redis, fetching one can take longer than a test waits.
  if (projects.length > 1 && !process.env.TEST_REDIS_URL) {
    const { redisBinary } = await import('@sluice/platform-local-servers');
    await Promise.resolve(console.log)
      .then(redisBinary)
      .catch(() => {}); // the tests that need it will say why it is missing
  }

  let servers;
  const start = async () => {
    const [{ testServers }, { migrate }] = await Promise.all([import('@sluice/testing'), import('@sluice/platform-database')]);
    return testServers(migrate, process.env);
  };

  const door = createServer((request, response) => {
    servers ??= start();
    const answer = servers.then((started) => (request.url === '/redis' ? started.redis() : started.postgres()));
    answer.then(
      (found) => response.end(JSON.stringify(found)),
      (error) => response.writeHead(500).end(String(error)),
    );
  });
  door.listen(0, '127.0.0.1').unref();
  await once(door, 'listening');
  process.env.SLUICE_TEST_SERVERS = `http://127.0.0.1:${door.address().port}`;

  globalThis.stopTestServers = async () => {
    door.close();
    await (await servers)?.stop();
  };
}
