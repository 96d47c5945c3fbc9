/** `node healthcheck.js /healthz`: exits 0 if the app in this container answers 2xx there. The image has no curl. */
const [path] = process.argv.slice(2);
const answer = await fetch(`http://127.0.0.1:${process.env.PORT}${path}`, { signal: AbortSignal.timeout(4_000) }).catch(() => undefined);
process.exit(answer?.ok ? 0 : 1);
