import { globSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import preset from './jest.preset.js';

const { globalSetup, globalTeardown, testTimeout } = preset;

// Every folder with a jest.config.js, named after it: `--selectProjects engine platform-database`.
const project = async (file) => {
  const { default: config } = await import(resolve(import.meta.dirname, file));
  const displayName = dirname(file)
    .replace(/^(apps|libs)\//, '')
    .replace('/', '-');
  return { ...config, rootDir: resolve(import.meta.dirname, dirname(file)), displayName };
};

export default {
  projects: await Promise.all(globSync('{tools,apps/*,libs/*,libs/*/*}/jest.config.js', { cwd: import.meta.dirname }).map(project)),
  globalSetup,
  globalTeardown,
  testTimeout,
  maxWorkers: 2,
  reporters: ['default', `${import.meta.dirname}/tools/jest/reporter.js`],
};
