export { type SupabaseAnswer, type SupabaseCall, SupabaseProject, SupabaseUnavailable } from './supabase-project.js';
export { type KeptEnvelope, type MirroredWebhook } from './tables.js';
