export { type Lookup, type Refusal } from './address-guard.js';
export { Circuits } from './circuits.js';
export { outboundEnv } from './outbound-env.js';
export { type OutboundCall, OutboundHttp, type OutboundHttpOptions } from './outbound-http.js';
