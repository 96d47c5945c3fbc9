import { createHmac, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import pg from 'pg';

/** What a project has that was just made: its roles, and no more rights than the SQL of `supabase/` gives and takes. */
const project = `
  DO $$ DECLARE name text; BEGIN
    FOREACH name IN ARRAY '{anon,authenticated,service_role}'::text[] LOOP
      BEGIN EXECUTE format('CREATE ROLE %I NOLOGIN', name); EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END;
    END LOOP;
  END $$;
  GRANT USAGE ON SCHEMA public TO anon, authenticated, service_role;
  ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO anon, authenticated, service_role;`;

const supabaseSql = (name: string): string => readFileSync(join(import.meta.dirname, '..', '..', '..', 'supabase', name), 'utf8');

/** `silent`: takes requests and never answers. `down`: answers as a gateway does whose server is away. */
export type PostgrestTrouble = 'none' | 'down' | 'silent';

export interface Postgrest {
  readonly url: string;
  /** A secret key, as new projects have it */
  readonly serviceKey: string;
  /** What a browser has; it goes with every token of a user. */
  readonly anonKey: string;
  /** Requests so far */
  readonly requests: number;
  tokenOf(claims: Readonly<Record<string, unknown>>): string;
  trouble(now: PostgrestTrouble): void;
  /** The next change arrives, is carried out, and its answer is lost on the way. */
  loseNextAnswer(): void;
  stop(): Promise<void>;
}

class Refused extends Error {
  constructor(
    readonly status: number,
    readonly body: { readonly code?: string; readonly message: string; readonly details?: string | null; readonly hint?: string | null },
  ) {
    super(body.message);
  }
}

interface Asked {
  readonly role: string;
  readonly claims: string;
  readonly method: string;
  readonly table: string;
  readonly query: URLSearchParams;
  readonly prefer: readonly string[];
  readonly body: string;
}

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly range?: string;
}

const reserved = new Set(['select', 'order', 'limit', 'offset', 'columns', 'on_conflict']);
const operators: Readonly<Record<string, string>> = { eq: '=', neq: '<>', gt: '>', gte: '>=', lt: '<', lte: '<=', cs: '@>', cd: '<@' };

/**
 * As much of PostgREST, and of the gateway before it, as Sluice needs of a Supabase project, over HTTP in front of a real Postgres: keys and
 * tokens become roles, so privileges and row-level security decide; errors and counts are told as PostgREST tells them. `databaseUrl`: a database
 * of the caller's, in which the SQL files of `supabase/` are run, twice.
 */
export async function startPostgrest(databaseUrl: string, sqlFiles: readonly string[]): Promise<Postgrest> {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 5 });
  pool.on('error', () => {});
  await pool.query(project);
  for (const file of [...sqlFiles, ...sqlFiles]) await pool.query(supabaseSql(file));

  const jwtSecret = randomBytes(32);
  const serviceKey = `sb_secret_${randomBytes(16).toString('hex')}`;
  const tokenOf = (claims: Readonly<Record<string, unknown>>) => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ exp: Math.floor(Date.now() / 1_000) + 3_600, ...claims })}`;
    return `${signed}.${createHmac('sha256', jwtSecret).update(signed).digest('base64url')}`;
  };
  const anonKey = tokenOf({ role: 'anon' });

  function authenticated({ headers }: IncomingMessage): { role: string; claims: string } {
    const key = headers['apikey'];
    if (key !== serviceKey && key !== anonKey)
      throw new Refused(401, { message: 'Invalid API key', hint: 'Double check your Supabase API key.' });
    const token = headers.authorization?.replace(/^Bearer /, '') ?? key;
    if (token === serviceKey) return { role: 'service_role', claims: JSON.stringify({ role: 'service_role' }) };
    const [head = '', payload = '', signature] = token.split('.');
    const expected = createHmac('sha256', jwtSecret).update(`${head}.${payload}`).digest('base64url');
    if (signature !== expected)
      throw new Refused(401, { code: 'PGRST301', message: 'No suitable key or wrong key type', details: null, hint: null });
    const claims = Buffer.from(payload, 'base64url').toString();
    const { role, exp }: { role: string; exp: number } = JSON.parse(claims);
    if (exp * 1_000 < Date.now()) throw new Refused(401, { code: 'PGRST303', message: 'JWT expired', details: null, hint: null });
    return { role, claims };
  }

  let requests = 0;
  let trouble: PostgrestTrouble = 'none';
  let isLost = false;
  const silenced = new Set<ServerResponse>();

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    requests += 1;
    if (trouble === 'silent') return void silenced.add(response);
    const { pathname, searchParams: query } = new URL(request.url ?? '/', 'http://localhost');
    const { method = 'GET', headers } = request;
    let said: Answer;
    let role: string | undefined;
    try {
      if (trouble === 'down') throw new Refused(503, { message: 'upstream connect error' });
      const table = /^\/rest\/v1\/([a-z_]+)$/.exec(pathname)?.[1];
      if (table === undefined) throw new Refused(404, { message: 'no Route matched with those values' });
      const prefer = String(headers['prefer'] ?? '').split(/,\s*/);
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const caller = authenticated(request);
      role = caller.role;
      said = await carryOut(pool, { ...caller, method, table, query, prefer, body: Buffer.concat(chunks).toString() });
    } catch (error) {
      const { status, body } = refusalOf(error, role === 'anon');
      said = { status, body: JSON.stringify(body) };
    }
    if (isLost && method !== 'GET') {
      isLost = false;
      return void silenced.add(response);
    }
    response.writeHead(said.status, {
      'content-type': 'application/json; charset=utf-8',
      ...(said.range !== undefined && { 'content-range': said.range }),
    });
    response.end(method === 'HEAD' ? '' : said.body);
  }

  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    serviceKey,
    anonKey,
    get requests() {
      return requests;
    },
    tokenOf,
    trouble: (now) => void (trouble = now),
    loseNextAnswer: () => void (isLost = true),
    stop: async () => {
      for (const response of silenced) response.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await pool.end();
    },
  };
}

const quoted = (name: string): string => {
  if (!/^[a-z_][a-z0-9_]*$/.test(name))
    throw new Refused(400, { code: 'PGRST100', message: `failed to parse (${name})`, details: null, hint: null });
  return `"${name}"`;
};

async function carryOut(pool: pg.Pool, { role, claims, method, table, query, prefer, body }: Asked): Promise<Answer> {
  const values: unknown[] = [];
  const parameter = (value: unknown) => `$${values.push(value)}`;
  const where = [...query].flatMap(([column, filter]) => {
    if (reserved.has(column)) return [];
    const [, not, operator = '', value] = /^(not\.)?([a-z]+)\.(.*)$/s.exec(filter) ?? [];
    if (operators[operator] === undefined && operator !== 'in')
      throw new Refused(400, { code: 'PGRST100', message: `failed to parse filter (${filter})`, details: null, hint: null });
    const condition =
      operator === 'in'
        ? `${quoted(column)} = ANY (${parameter(value?.replace(/^\((.*)\)$/s, '{$1}'))})`
        : `${quoted(column)} ${operators[operator]} ${parameter(value)}`;
    return [not === undefined ? condition : `NOT (${condition})`];
  });
  const matching = where.length === 0 ? '' : `WHERE ${where.join(' AND ')}`;
  const selected = (query.get('select') ?? '*').split(',').map((name) => (name === '*' ? '*' : quoted(name)));
  const columns = selected.join(', ');
  const order = query
    .get('order')
    ?.split(',')
    .map((part) => part.split('.'))
    .map(([name = '', way]) => `${quoted(name)} ${way === 'desc' ? 'DESC' : 'ASC'}`);
  const relation = `public.${quoted(table)}`;

  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    const { rows: there } = await client.query('SELECT to_regclass($1) IS NOT NULL AS known', [`public.${table}`]);
    if (!there[0].known)
      throw new Refused(404, {
        code: 'PGRST205',
        message: `Could not find the table 'public.${table}' in the schema cache`,
        details: null,
        hint: null,
      });
    await client.query(`SET LOCAL ROLE ${quoted(role)}`);
    await client.query(`SELECT set_config('request.jwt.claims', $1, true)`, [claims]);

    const isRead = method === 'GET' || method === 'HEAD';
    const count =
      isRead && prefer.includes('count=exact')
        ? (await client.query(`SELECT count(*)::int AS n FROM ${relation} ${matching}`, values)).rows[0].n
        : undefined;
    const sql = isRead
      ? `SELECT ${columns} FROM ${relation} ${matching} ${order === undefined ? '' : `ORDER BY ${order.join(', ')}`} LIMIT ${Number(query.get('limit') ?? 1_000)}`
      : changeOf(method, relation, matching, body, query, prefer, parameter);
    const representation = isRead || prefer.includes('return=representation');
    const { rows } = representation
      ? await client.query(
          `WITH r AS (${sql}${isRead ? '' : ` RETURNING ${columns}`}) SELECT coalesce(json_agg(r), '[]')::text AS body FROM r`,
          values,
        )
      : { rows: (await client.query(sql, values), []) };
    await client.query('COMMIT');
    const said: string = rows[0]?.body ?? '';
    const found = said === '' ? 0 : JSON.parse(said).length;
    return {
      status: isRead ? (count !== undefined && count > found ? 206 : 200) : method === 'POST' ? 201 : representation ? 200 : 204,
      body: said,
      range: `${found === 0 ? '*' : `0-${found - 1}`}/${count ?? '*'}`,
    };
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  } finally {
    client.release();
  }
}

function changeOf(
  method: string,
  relation: string,
  matching: string,
  body: string,
  query: URLSearchParams,
  prefer: readonly string[],
  parameter: (value: unknown) => string,
): string {
  if (method === 'DELETE') return `DELETE FROM ${relation} ${matching}`;
  const given: unknown = JSON.parse(body);
  const [first] = Array.isArray(given) ? given : [given];
  const columns = (query.get('columns')?.replaceAll('"', '').split(',') ?? Object.keys(first ?? {})).map(quoted);
  if (method === 'PATCH') {
    const names = columns.join(', ');
    return `UPDATE ${relation} SET (${names}) = (SELECT ${names} FROM json_populate_record(NULL::${relation}, ${parameter(body)})) ${matching}`;
  }
  if (method !== 'POST')
    throw new Refused(405, { code: 'PGRST117', message: `Unsupported HTTP method: ${method}`, details: null, hint: null });
  const rows = JSON.stringify(Array.isArray(given) ? given : [given]);
  const resolution = prefer.find((part) => part.startsWith('resolution='));
  const target = (query.get('on_conflict') ?? 'id').split(',').map(quoted).join(', ');
  const onConflict =
    resolution === undefined
      ? ''
      : `ON CONFLICT (${target}) DO ${resolution === 'resolution=ignore-duplicates' ? 'NOTHING' : `UPDATE SET ${columns.map((column) => `${column} = EXCLUDED.${column}`).join(', ')}`}`;
  return `INSERT INTO ${relation} (${columns.join(', ')}) SELECT ${columns.join(', ')} FROM json_populate_recordset(NULL::${relation}, ${parameter(rows)}) ${onConflict}`;
}

function refusalOf(error: unknown, isAnonymous: boolean): Refused {
  if (error instanceof Refused) return error;
  const { code = 'XX000', message, detail = null, hint = null } = error instanceof pg.DatabaseError ? error : { message: String(error) };
  const body = { code, details: detail, hint, message };
  if (code === '42501') return new Refused(isAnonymous ? 401 : 403, body);
  if (code === '23505') return new Refused(409, body);
  return new Refused(/^(22|23|42)/.test(code) ? 400 : 500, body);
}
