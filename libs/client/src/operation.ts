import type { operations as Commands } from './generated/command-api.js';
import type { operations as Queries } from './generated/query-api.js';
import type { routes } from './generated/routes.js';

type Operations = Commands & Queries;

/** `workflows.create`, `executions.get`, …: the operation ids of both documents. */
export type OperationName = keyof Operations & keyof typeof routes;

type ParametersOf<Operation, Place extends string> = Operation extends { parameters: infer Parameters }
  ? Place extends keyof Parameters
    ? Exclude<Parameters[Place], undefined>
    : never
  : never;

type Given<Place extends string, Values> = [Values] extends [never]
  ? { readonly [Key in Place]?: undefined }
  : Record<never, never> extends Values
    ? { readonly [Key in Place]?: Values }
    : { readonly [Key in Place]: Values };

type BodyOf<Operation> = Operation extends { requestBody: { content: { 'application/json': infer Body } } } ? Body : never;

/** What an operation takes: what stands in its path, its query and its body. */
export type InputOf<Name extends OperationName> = Given<'path', ParametersOf<Operations[Name], 'path'>> &
  Given<'query', ParametersOf<Operations[Name], 'query'>> &
  Given<'body', BodyOf<Operations[Name]>>;

type Successes<Responses> = Extract<keyof Responses, 200 | 201 | 202 | 204>;
type BodyOfAnswer<Answer> = Answer extends { content: { 'application/json': infer Body } } ? Body : undefined;

/** The body of an operation's success; undefined where there is none. */
export type AnswerOf<Name extends OperationName> = Operations[Name] extends { responses: infer Responses }
  ? BodyOfAnswer<Responses[Successes<Responses>]>
  : never;

/** The operations that answer a list, part by part. */
export type ListName = {
  [Name in OperationName]: AnswerOf<Name> extends { items: readonly unknown[]; nextCursor: string | null } ? Name : never;
}[OperationName];
export type ItemOf<Name extends ListName> = AnswerOf<Name> extends { items: readonly (infer Item)[] } ? Item : never;
