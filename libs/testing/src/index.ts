export {
  type Answer,
  bodyOf,
  compareAnswer,
  type ExpectedEvent,
  fire,
  metaJson,
  providerCases,
  type ProviderCase,
  signInstagram,
} from './provider-cases.js';
export { deciderSpec } from './decider-spec.js';
