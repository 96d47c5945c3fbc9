import { credentialsCommand } from './sluice/credentials.ts';
import { doctor } from './sluice/doctor.ts';
import { projectionsCommand } from './sluice/projections.ts';

/** `npm run sluice -- <command>`: what an operator does to an installation. Each command answers its exit code. */
const commands: Readonly<Record<string, { readonly says: string; readonly run: (parameters: readonly string[]) => Promise<number> }>> = {
  credentials: { says: 'rekey [--dry-run]: seals every secret with the first key of ENCRYPTION_KEYS', run: credentialsCommand },
  doctor: { says: 'looks at a running installation and says which promises hold [--json] [--full]', run: doctor },
  projections: {
    says: 'rebuild <name|all> [--accept-differences], compare, discard, list: read models made anew from the log',
    run: projectionsCommand,
  },
};

const [name = '', ...parameters] = process.argv.slice(2);
const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
if (command === undefined) {
  const list = Object.entries(commands).map(([known, { says }]) => `  ${known.padEnd(14)} ${says}`);
  console.error(`${name === '' ? 'Which command?' : `There is no command "${name}".`} npm run sluice -- <command>\n\n${list.join('\n')}`);
  process.exit(2);
}
process.exit(await command.run(parameters));
