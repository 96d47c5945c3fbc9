import { parseEnv } from '@sluice/platform-config';
import { executionEnv } from './execution-env.js';

const read = (env: NodeJS.ProcessEnv) => parseEnv(env, { execution: executionEnv() }).execution;

it('knows where every provider is', () => {
  const { fusion, codeNodes, providerApis } = read({});
  expect({ fusion, codeNodes }).toEqual({ fusion: true, codeNodes: false });
  expect(providerApis).toEqual({
    instagram: 'https://graph.instagram.com',
    messenger: 'https://graph.facebook.com',
    whatsapp: 'https://graph.facebook.com',
    telegram: 'https://api.telegram.org',
    slack: 'https://slack.com/api',
    line: 'https://api.line.me',
    discord: 'https://discord.com/api/v10',
    twilio: 'https://api.twilio.com',
  });
});

it('sends where it is told', () => {
  expect(read({ SLACK_API_URL: 'http://localhost:9000/slack//', FUSION: 'off' })).toMatchObject({
    fusion: false,
    providerApis: { slack: 'http://localhost:9000/slack', line: 'https://api.line.me' },
  });
});

it('names every problem', () => {
  expect(() => read({ LINE_API_URL: 'line', CODE_NODES: 'yes' })).toThrow(
    /CODE_NODES: must be `on` or `off`[^]*LINE_API_URL: must be a URL/,
  );
});
