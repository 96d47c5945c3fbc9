import { z } from 'zod';
import { AllowList } from './allow-list.js';

/** `OUTBOUND_ALLOW`: what the address guard lets through, comma separated. */
export const outboundEnv = () =>
  z
    .object({
      OUTBOUND_ALLOW: z
        .string()
        .default('')
        .transform((text, context) => {
          const entries = text.split(',').flatMap((entry) => (entry.trim() === '' ? [] : [entry.trim()]));
          for (const entry of entries) {
            try {
              new AllowList([entry]);
            } catch (error) {
              context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) });
            }
          }
          return entries;
        }),
    })
    .transform(({ OUTBOUND_ALLOW }) => ({ allow: OUTBOUND_ALLOW }));
