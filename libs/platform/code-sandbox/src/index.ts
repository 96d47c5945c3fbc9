export { CodeSandbox, type CodeLimits, type CodeSandboxOptions, CodeSandboxUnavailable } from './code-sandbox.js';
