import { parseEnv } from './parse-env.js';
import { redisEnv } from './parts.js';
import { parseRedisUrl } from './redis-url.js';

const plain = { masterName: undefined, database: 0, username: undefined, password: undefined, tls: false };

it.each<[string, ReturnType<typeof parseRedisUrl>]>([
  ['redis://localhost', { ...plain, kind: 'single', nodes: [{ host: 'localhost', port: 6379 }] }],
  [
    'rediss://app:p%40ss@[::1]:6380/3',
    { ...plain, kind: 'single', nodes: [{ host: '::1', port: 6380 }], username: 'app', password: 'p@ss', database: 3, tls: true },
  ],
  ['redis://:secret@10.0.0.1/', { ...plain, kind: 'single', nodes: [{ host: '10.0.0.1', port: 6379 }], password: 'secret' }],
  [
    'redis+sentinel://app:secret@a:26379,b/the%20master/2',
    {
      ...plain,
      kind: 'sentinel',
      nodes: [
        { host: 'a', port: 26379 },
        { host: 'b', port: 26379 },
      ],
      masterName: 'the master',
      database: 2,
      username: 'app',
      password: 'secret',
    },
  ],
  [
    'rediss+cluster://a:7000,b:7001,c',
    {
      ...plain,
      kind: 'cluster',
      nodes: [
        { host: 'a', port: 7000 },
        { host: 'b', port: 7001 },
        { host: 'c', port: 6379 },
      ],
      tls: true,
    },
  ],
])('reads %s', (text, servers) => expect(parseRedisUrl(text)).toEqual(servers));

it.each([
  ['http://localhost', 'must be like redis://host:6379/0'],
  ['redis://', 'must be like redis://host:6379/0'],
  ['redis+sentinels://a/m', 'must be like redis://host:6379/0'],
  ['redis://a:1,b:2', 'a list of hosts is redis+sentinel: or redis+cluster:'],
  ['redis://a:70000', '"a:70000" where host:port must stand'],
  ['redis+cluster://a:1,,b:2', '"" where host:port must stand'],
  ['redis+sentinel://a:26379', 'needs the name of the master'],
  ['redis+sentinel://a/m/x', '"x" where only the number of a database may stand'],
  ['redis://a/0/1', '"0/1" where only the number of a database may stand'],
  ['redis+cluster://a:1/2', 'a cluster has none but 0'],
])('refuses %s as the configuration is read, and says why', (REDIS_URL, problem) => {
  expect(() => parseEnv({ REDIS_URL }, { redis: redisEnv() })).toThrow(problem);
  expect(() => parseEnv({ REDIS_URL }, { redis: redisEnv() })).toThrow('REDIS_URL: ');
});

it.each(['app:MARKER@a:b@c', ':MARKER/x@a:6379', ':x/MARKER@a:6379'])('I12: does not repeat a password: %s', (rest) => {
  expect(() => parseEnv({ REDIS_URL: `redis://${rest}` }, { redis: redisEnv() })).toThrow(
    expect.objectContaining({ message: expect.not.stringContaining('MARKER') }),
  );
});

it('asks for a URL, with an example', () => {
  expect(() => parseEnv({}, { redis: redisEnv() })).toThrow('REDIS_URL: is required, for example redis://localhost:6379');
});
