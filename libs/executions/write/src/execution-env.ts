import { z } from 'zod';

/** `FUSION=off` runs one node a step; `CODE_NODES=on` runs authors' JavaScript; `INSTAGRAM_API_URL` points sends at a stub. */
export const executionEnv = () =>
  z
    .object({
      FUSION: z.enum(['on', 'off'], 'must be `on` or `off`').default('on'),
      CODE_NODES: z.enum(['on', 'off'], 'must be `on` or `off`').default('off'),
      INSTAGRAM_API_URL: z.url('must be a URL').default('https://graph.instagram.com'),
    })
    .transform(({ FUSION, CODE_NODES, INSTAGRAM_API_URL }) => ({
      fusion: FUSION === 'on',
      codeNodes: CODE_NODES === 'on',
      providerApis: { instagram: INSTAGRAM_API_URL.replace(/\/+$/, '') },
    }));
