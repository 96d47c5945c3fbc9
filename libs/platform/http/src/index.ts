export {
  Allow,
  Authenticator,
  Caller,
  CredentialIsInvalid,
  CredentialIsMissing,
  Public,
  RoleIsInsufficient,
  TenantIsForeign,
  TenantIsRequired,
  TenantNotFound,
} from './auth.js';
export { jsonBytesMax, webhookBytesMax } from './bodies.js';
export { createHttpApp, type HttpAppOptions } from './create-http-app.js';
export { type HealthChecks, HealthModule, type HealthOptions } from './health.module.js';
export { IfMatch, RevisionETag } from './if-match.js';
export { BodyIsMalformed } from './json-body.js';
export { offsetOf, Page, type PageOf, pageOf } from './page.js';
export { type Problem, statusOfKind } from './problem.js';
export { InputIsInvalid } from './validation.js';
