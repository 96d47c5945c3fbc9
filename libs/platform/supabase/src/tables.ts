/** A sealed secret, as jsonb has it: `sealed` is base64. */
export interface KeptEnvelope {
  readonly key_id: string;
  readonly sealed: string;
}

// Types, not interfaces: supabase-js wants them to be records.
type Channel = {
  id: string;
  tenant_id: string;
  provider: string;
  name: string;
  external_account_id: string | null;
  /** By version */
  envelopes: Record<string, KeptEnvelope>;
  /** Of all of them */
  key_ids: string[];
  /** Of this row: whoever writes says which one they read */
  revision: number;
  created_at: string;
  updated_at: string;
};

export type MirroredWebhook = {
  id: string;
  tenant_id: string;
  channel_id: string;
  provider: string;
  kind: string;
  action: string;
  customer_id: string | null;
  direction: string;
  /** The canonical event */
  item: object;
  correlation_id: string;
  occurred_at: string;
  received_at: string;
};

type Table<Row, Given extends keyof Row> = { Row: Row; Insert: Omit<Row, Given> & Partial<Row>; Update: Partial<Row>; Relationships: [] };

/** What `supabase/*.sql` makes, as supabase-js wants to be told. */
export type SupabaseTables = {
  public: {
    Tables: { channels: Table<Channel, 'created_at' | 'updated_at'>; webhooks: Table<MirroredWebhook, never> };
    Views: Record<never, never>;
    Functions: Record<never, never>;
  };
};
