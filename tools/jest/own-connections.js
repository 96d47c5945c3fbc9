/**
 * Node's `fetch` keeps connections by address, for the whole process. A file whose app is given the port of an earlier file's app must not
 * be given its connections too: "other side closed". So each file has its own, of the package that Node's is made of.
 */
let own;

globalThis.fetch = async (input, init) => {
  own ??= import('undici').then(({ Agent, fetch }) => ({ fetch, dispatcher: new Agent() }));
  const { fetch, dispatcher } = await own;
  return fetch(input, { dispatcher, ...init });
};

globalThis.afterAll(async () => (await own)?.dispatcher.destroy());
