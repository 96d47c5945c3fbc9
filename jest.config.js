import { globSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import preset from './jest.preset.js';

const { globalSetup, globalTeardown } = preset;

/** Every folder with a jest.config.js, named after it: `--selectProjects engine platform-database`. */
const project = async (file) => {
  const { default: config } = await import(resolve(import.meta.dirname, file));
  return { ...config, rootDir: resolve(import.meta.dirname, dirname(file)), displayName: dirname(file).split('/').slice(-2).filter((part) => part !== 'apps' && part !== 'libs').join('-') };
};

export default {
  projects: await Promise.all(globSync('{tools,apps/*,libs/*,libs/*/*}/jest.config.js', { cwd: import.meta.dirname }).map(project)),
  globalSetup,
  globalTeardown,
  maxWorkers: 2,
  reporters: ['default', `${import.meta.dirname}/tools/jest/reporter.js`],
};
