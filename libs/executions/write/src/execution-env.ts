import { z } from 'zod';

/** `FUSION=off` runs one node a step; `INSTAGRAM_API_URL` points sends at a stub. */
export const executionEnv = () =>
  z
    .object({
      FUSION: z.enum(['on', 'off'], 'must be `on` or `off`').default('on'),
      INSTAGRAM_API_URL: z.url('must be a URL').default('https://graph.instagram.com'),
    })
    .transform(({ FUSION, INSTAGRAM_API_URL }) => ({
      fusion: FUSION === 'on',
      providerApis: { instagram: INSTAGRAM_API_URL.replace(/\/+$/, '') },
    }));
