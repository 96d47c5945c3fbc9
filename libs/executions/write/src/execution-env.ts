import { z } from 'zod';

/** Where each provider's API is. `<PROVIDER>_API_URL` points sends elsewhere, e.g. at a stub. */
const providerApis = {
  instagram: 'https://graph.instagram.com',
  messenger: 'https://graph.facebook.com',
  whatsapp: 'https://graph.facebook.com',
  telegram: 'https://api.telegram.org',
  slack: 'https://slack.com/api',
  line: 'https://api.line.me',
  discord: 'https://discord.com/api/v10',
  twilio: 'https://api.twilio.com',
};

const suffix = '_API_URL';

const apiUrls = z.object(
  Object.fromEntries(
    Object.entries(providerApis).map(([provider, url]) => [`${provider.toUpperCase()}${suffix}`, z.url('must be a URL').default(url)]),
  ),
);

const onOrOff = (usual: 'on' | 'off') => z.enum(['on', 'off'], 'must be `on` or `off`').default(usual);

/** `FUSION=off` runs one node a step; `CODE_NODES=on` runs authors' JavaScript. */
export const executionEnv = () =>
  z.intersection(z.object({ FUSION: onOrOff('on'), CODE_NODES: onOrOff('off') }), apiUrls).transform(({ FUSION, CODE_NODES, ...urls }) => ({
    fusion: FUSION === 'on',
    codeNodes: CODE_NODES === 'on',
    providerApis: Object.fromEntries(
      Object.entries(urls).map(([name, url]) => [name.slice(0, -suffix.length).toLowerCase(), url.replace(/\/+$/, '')]),
    ),
  }));
