import 'reflect-metadata';
import { onSignal } from '@sluice/platform-runtime';
import { startStandalone } from './start-standalone.js';

const print = (text: string): boolean => process.stdout.write(`${text}\n`);

try {
  const sluice = await startStandalone(process.env, print);
  onSignal(sluice.logger, () => sluice.stop());
  print(`
Sluice is running at ${sluice.url}
  data       ${sluice.dataDir}
  API docs   ${sluice.url}/api/docs${
    sluice.firstTenant === undefined
      ? ''
      : `
  tenant     ${sluice.firstTenant.tenantId}
  API key    ${sluice.firstTenant.key}
             (admin of that tenant; it is shown only this once)`
  }
Ctrl-C stops it.`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
