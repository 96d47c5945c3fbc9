export { type Refusal } from './address-guard.js';
export { Circuits } from './circuits.js';
export { type Lookup } from './names.js';
export { outboundEnv } from './outbound-env.js';
export { type OutboundCall, OutboundHttp, type OutboundHttpOptions } from './outbound-http.js';
