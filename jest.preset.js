// Every project's jest.config.js re-exports this; the root's jest.config.js runs them all. Sources run as native ESM.
const source = '@sluice/source';

export default {
  testEnvironment: 'node',
  testEnvironmentOptions: { customExportConditions: [source, 'node', 'node-addons'] },
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  modulePathIgnorePatterns: ['/dist/'],
  testMatch: ['**/*.spec.ts'],
  testTimeout: 30_000,
  globalSetup: `${import.meta.dirname}/tools/jest/setup.js`,
  globalTeardown: `${import.meta.dirname}/tools/jest/teardown.js`,
  setupFilesAfterEnv: [`${import.meta.dirname}/tools/jest/own-connections.js`],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        module: { type: 'es6' },
        jsc: {
          target: 'es2023',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
          keepClassNames: true,
        },
        sourceMaps: 'inline',
      },
    ],
  },
};
