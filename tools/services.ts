import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Services, startServices } from '@sluice/testing';

/** `npm run services [-- --gateways N --workers N]`: every app its own process, with an embedded Postgres and a Redis unless given. */
const { values } = parseArgs({ options: { gateways: { type: 'string', default: '1' }, workers: { type: 'string', default: '1' } } });

const count = (option: 'gateways' | 'workers') => {
  const number = Number(values[option]);
  if (Number.isInteger(number) && number > 0) return number;
  console.error(`--${option} takes a number from 1 upwards, not ${values[option]}.`);
  process.exit(1);
};

let stopping = false;
const started = startServices({
  dataDir: join(process.env['SLUICE_DATA_DIR'] ?? '.sluice', 'services'),
  gateways: count('gateways'),
  workers: count('workers'),
  log: console.log,
  onCrash: (app, how) => {
    process.exitCode = 1;
    console.error(`\n*** ${app} ${how}. The others stay up. ***\n`);
  },
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (stopping) process.exit(1); // asked twice: what still runs ends with this process
    stopping = true;
    console.log('Stopping: apps, then Redis, then Postgres.');
    started.then((services) => services.stop()).catch(() => {});
  });
}

const print = ({ processes, tenantId, apiKey }: Services) => {
  console.log();
  for (const { app, url, pid } of processes) console.log(`${app.padEnd(20)} ${url.padEnd(24)} pid ${pid}`);
  console.log(`\nTenant  ${tenantId}\nAPI key ${apiKey}   (admin of that tenant: Authorization: Bearer …)\n\nCtrl-C stops everything.`);
};

try {
  print(await started);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
