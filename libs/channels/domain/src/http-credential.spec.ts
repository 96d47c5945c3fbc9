import { AllowedHostIsInvalid, createCredential, httpCredential } from './http-credential.js';

const secret = { type: 'bearer', token: 'very-secret' } as const;
const hosts = (...allowedHosts: string[]) => httpCredential(secret, allowedHosts).allowedHosts;

it('has its hosts as URLs have them', () => {
  expect(hosts('API.example.com', 'api.example.com:443', 'api.example.com:80', 'bücher.example:8443', '[::1]:9000')).toEqual([
    'api.example.com',
    'api.example.com:80',
    'xn--bcher-kva.example:8443',
    '[::1]:9000',
  ]);
});

it.each([
  '',
  ' ',
  'https://a.test',
  'a.test/',
  'a.test/x',
  '*.a.test',
  'u@a.test',
  'a.test:99999',
  'a.test?',
  'a.test.',
  'a b',
  'a%2eb',
  '..',
])('refuses "%s" as a host', (host) => expect(() => hosts('a.test', host)).toThrow(AllowedHostIsInvalid));

it('leaves no secret in the log', () => {
  const events = createCredential('id', 'Shop', httpCredential(secret, ['a.test']), 'ada');
  expect(events).toEqual([
    { type: 'credential.created', aggregateId: 'id', payload: { name: 'Shop', type: 'bearer', allowedHosts: ['a.test'], by: 'ada' } },
  ]);
});
