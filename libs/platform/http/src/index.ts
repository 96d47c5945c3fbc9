export { Allow, Authenticator, Caller, Public, roleOf } from './auth.js';
export { createHttpApp, type HttpAppOptions } from './create-http-app.js';
export { type Dependencies, type Dependency, HealthModule, type HealthOptions, Readiness } from './health.module.js';
export { IfMatch, RevisionETag } from './if-match.js';
export { KeyLookUps } from './key-look-ups.js';
export { offsetOf, Page, type PageOf, pageOf } from './page.js';
export { type Problem } from './problem.js';
