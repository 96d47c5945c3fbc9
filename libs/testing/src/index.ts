export { freePort } from '@sluice/platform-local-servers';
export { callOf, callTime, channelOf } from './adapter-calls.js';
export { answers } from './answers.js';
export { Api, type ApiAnswer, type SluiceUrls } from './api.js';
export { deciderSpec } from './decider-spec.js';
export { eventually } from './eventually.js';
export {
  type Answer,
  bodyOf,
  compareAnswer,
  type ExpectedEvent,
  fire,
  metaJson,
  providerCases,
  providersWithCases,
  type ProviderCase,
  signInstagram,
} from './provider-cases.js';
export { type ApiProvider, type Delivery, type NextCall, type ProviderApis, startProviderApis } from './provider-apis/provider-apis.js';
export { type ApiTrouble } from './provider-apis/stub-api.js';
export { type Postgrest, type PostgrestTrouble, startPostgrest } from './postgrest.js';
export { resigned } from './resigned.js';
export { type Random, seeded } from './seeded.js';
export { type AppName, type ServiceProcess, type Services, type ServicesOptions, startServices } from './services.js';
export { type ProxyTrouble, startProxy, type TcpProxy } from './tcp-proxy.js';
export { type TestDatabase, testDatabase, testRedisUrl } from './test-database.js';
export { type TestFolder, testFolder } from './test-folder.js';
export { unsafeTestServers } from './unsafe.js';
export { undocumented } from './undocumented.js';
export { type Migrate, type TestPostgres, type TestServers, testServers } from './test-servers.js';
