/**
 * `fetch` on a connection of its own. One that the server closes before it answers is made once more, as `SluiceClient` does, and said: nobody knows
 * yet why that happens at the first call to an app on a busy machine.
 */
export async function fetchAnew(url: string, init: RequestInit = {}): Promise<Response> {
  const once = () => fetch(url, { ...init, headers: { connection: 'close', ...Object.fromEntries(new Headers(init.headers)) } });
  try {
    return await once();
  } catch (error) {
    const cause: unknown = error instanceof Error ? error.cause : undefined;
    if (!(cause instanceof Error && cause.message === 'other side closed')) throw error;
    process.emitWarning(`${init.method ?? 'GET'} ${new URL(url).pathname}: the server closed the connection before it answered; once more`);
    return once();
  }
}
