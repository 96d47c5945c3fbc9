import type { JsonObject } from '@sluice/kernel';
import { configFailure, optionalObject, optionalText, requiredText } from '../config-fields.js';
import { type TextLimit, textParts } from './several-messages.js';

/** The messages of a config with `text` and `attachment`, as Instagram and Messenger take them: the attachment goes first. */
export function messagesIn(config: JsonObject, limit: TextLimit): readonly JsonObject[] {
  const text = optionalText(config, 'text');
  const words = text === undefined ? [] : textParts(text, limit, config).map((part) => ({ text: part }));
  if (config['attachment'] === undefined || config['attachment'] === null) {
    if (words.length === 0) throw configFailure('text', 'has no value: its expression found nothing');
    return words;
  }
  const attachment = optionalObject(config, 'attachment');
  return [{ attachment: { type: requiredText(attachment, 'type'), payload: { url: requiredText(attachment, 'url') } } }, ...words];
}

export const isAttachment = (message: JsonObject): boolean => 'attachment' in message;
