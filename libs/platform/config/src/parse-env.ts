import { z } from 'zod';
import { sampleSecretsIn } from './sample-secrets.js';

/** Every problem of a configuration, so that an operator mends them all at once. */
export class ConfigIsInvalid extends Error {
  constructor(readonly problems: readonly string[]) {
    super(`The configuration is not usable:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
    this.name = 'ConfigIsInvalid';
  }
}

/**
 * Reads the parts of an app's configuration from the environment. Each part is a schema over the whole environment and takes
 * what it needs from it; an empty variable counts as absent. Secrets that stand in examples are problems too. Throws ConfigIsInvalid with all problems of all parts.
 */
export function parseEnv<Parts extends Record<string, z.ZodType>>(
  env: NodeJS.ProcessEnv,
  parts: Parts,
): { [Name in keyof Parts]: z.output<Parts[Name]> } {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const results = Object.entries(parts).map(([name, part]) => [name, part.safeParse(given)] as const);
  const problems = results.flatMap(([, result]) =>
    result.success ? [] : result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`),
  );
  problems.push(...sampleSecretsIn(given));
  if (problems.length > 0) throw new ConfigIsInvalid([...new Set(problems)]);
  return Object.fromEntries(results.map(([name, result]) => [name, result.data])) as { [Name in keyof Parts]: z.output<Parts[Name]> };
}
