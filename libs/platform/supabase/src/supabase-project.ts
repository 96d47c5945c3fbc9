import type { SupabaseConfig } from '@sluice/platform-config';
import type { SupabaseClient } from '@supabase/supabase-js';
import type { SupabaseTables } from './tables.js';

/** It did not do what it was asked, for now or until somebody mends it. Nothing secret is in the message. */
export class SupabaseUnavailable extends Error {
  constructor(
    why: string,
    /** It will never take these rows. */
    readonly isForTheData: boolean,
  ) {
    super(`Supabase ${why}`);
    this.name = 'SupabaseUnavailable';
  }
}

interface Answer<T> {
  readonly status: number;
  readonly data: T | null;
  readonly count: number | null;
  readonly error: { readonly code: string; readonly message: string } | null;
}

export type SupabaseCall<T> = (client: SupabaseClient<SupabaseTables>) => PromiseLike<Answer<T>>;

export interface SupabaseAnswer<T> {
  readonly data: T | null;
  readonly count: number;
  /** The row was there already, so nothing was written. */
  readonly conflict: boolean;
}

/** A row that is there already. */
const conflict = '23505';

/** The tables of a Supabase project, by its service key. Each call is made once, and ends in time. */
export class SupabaseProject {
  private connected: Promise<SupabaseClient<SupabaseTables>> | undefined;

  constructor(
    private readonly config: SupabaseConfig,
    private readonly answerMsMax = 2_000,
  ) {}

  /** Throws SupabaseUnavailable for all that goes wrong but a conflict. */
  async ask<T>(call: SupabaseCall<T>): Promise<SupabaseAnswer<T>> {
    this.connected ??= connect(this.config, this.answerMsMax);
    const { status, data, count, error } = await call(await this.connected);
    if (error !== null && error.code !== conflict)
      throw new SupabaseUnavailable(reasonOf(status, error), status === 413 || /^2[23]/.test(error.code));
    return { data, count: count ?? 0, conflict: error !== null };
  }
}

/** Loaded by whoever uses it alone: the package brings clients for much else. */
async function connect({ url, serviceKey }: SupabaseConfig, answerMsMax: number): Promise<SupabaseClient<SupabaseTables>> {
  const { createClient } = await import('@supabase/supabase-js');
  return createClient<SupabaseTables>(url, serviceKey, {
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
    db: { retry: false },
    global: {
      // Also for the body. The key is a header of its own, which a redirect would carry to anybody.
      fetch: (input, init) => fetch(input, { ...init, redirect: 'error', signal: AbortSignal.timeout(answerMsMax) }),
    },
  });
}

function reasonOf(status: number, { code, message }: NonNullable<Answer<unknown>['error']>): string {
  if (status === 0) return `cannot be reached (${message.slice(0, 200)})`;
  if (status === 401 || status === 403)
    return `refuses the key (${status} ${code}): check SUPABASE_SERVICE_KEY, and that the SQL of supabase/ was run`;
  if (code === '42P01' || code === 'PGRST205' || code === '42703' || code === 'PGRST204')
    return `lacks a table or column (${code}): run the SQL of supabase/`;
  return `answered ${status} ${code}`.trim();
}
