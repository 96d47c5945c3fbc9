import { ReadModels1764000000001 } from './0001-read-models.js';
import { OperationsShown1764000000002 } from './0002-operations.js';
import { VersionsAndAudit1764000000003 } from './0003-versions-and-audit.js';
import { WholeEngineShown1764000000004 } from './0004-whole-engine.js';
import { BacktestsShown1764000000005 } from './0005-backtests.js';
import { DeadLettersShown1764000000007 } from './0007-dead-letters.js';
import { ChannelHealthShown1764000000008 } from './0008-channel-health.js';
import { Sources1764000000009 } from './0009-sources.js';
import { WebhookMirror1764000000010 } from './0010-webhook-mirror.js';
import { LargeValues1764000000011 } from './0011-large-values.js';
import { SendsShown1764000000012 } from './0012-sends-shown.js';

/** In order; a landed migration is never edited. */
export const queryMigrations = [
  ReadModels1764000000001,
  OperationsShown1764000000002,
  VersionsAndAudit1764000000003,
  WholeEngineShown1764000000004,
  BacktestsShown1764000000005,
  DeadLettersShown1764000000007,
  ChannelHealthShown1764000000008,
  Sources1764000000009,
  WebhookMirror1764000000010,
  LargeValues1764000000011,
  SendsShown1764000000012,
] as const;
