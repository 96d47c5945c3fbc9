import { Foundation1764000000001 } from './0001-foundation.js';
import { Ingest1764000000002 } from './0002-ingest.js';
import { IdempotencyKeys1764000000003 } from './0003-idempotency-keys.js';
import { Operations1764000000004 } from './0004-operations.js';
import { HeldChannels1764000000005 } from './0005-held-channels.js';
import { HttpCredentials1764000000006 } from './0006-http-credentials.js';
import { ProviderApps1764000000007 } from './0007-provider-apps.js';
import { WholeEngine1764000000008 } from './0008-whole-engine.js';
import { Schedules1764000000009 } from './0009-schedules.js';
import { Admission1764000000010 } from './0010-admission.js';
import { DeadLetters1764000000011 } from './0011-dead-letters.js';
import { Rates1764000000012 } from './0012-rates.js';
import { AuditSeals1764000000014 } from './0014-audit-seals.js';
import { Sending1764000000015 } from './0015-sending.js';
import { CredentialStore1764000000016 } from './0016-credential-store.js';
import { ChannelHealth1764000000017 } from './0017-channel-health.js';
import { Replays1764000000018 } from './0018-replays.js';
import { LargeDeliveries1764000000020 } from './0020-large-deliveries.js';
import { RefusedSends1764000000021 } from './0021-refused-sends.js';
import { LogKeeping1764000000022 } from './0022-log-keeping.js';
import { ExclusiveMatches1764000000023 } from './0023-exclusive-matches.js';

/** In order; a landed migration is never edited. */
export const commandMigrations = [
  Foundation1764000000001,
  Ingest1764000000002,
  IdempotencyKeys1764000000003,
  Operations1764000000004,
  HeldChannels1764000000005,
  HttpCredentials1764000000006,
  ProviderApps1764000000007,
  WholeEngine1764000000008,
  Schedules1764000000009,
  Admission1764000000010,
  DeadLetters1764000000011,
  Rates1764000000012,
  AuditSeals1764000000014,
  Sending1764000000015,
  CredentialStore1764000000016,
  ChannelHealth1764000000017,
  Replays1764000000018,
  LargeDeliveries1764000000020,
  RefusedSends1764000000021,
  LogKeeping1764000000022,
  ExclusiveMatches1764000000023,
] as const;
