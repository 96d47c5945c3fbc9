export type { AnswerOf, InputOf, ItemOf, ListName, OperationName } from './operation.js';
export { type CallOptions, SluiceClient, type SluiceClientOptions } from './sluice-client.js';
export { SluiceIsUnreachable, SluiceProblem } from './sluice-problem.js';
