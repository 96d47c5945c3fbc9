/** Why an event triggers nothing, in its `ignoredBecause`: one vocabulary for all providers. */
export type IgnoredBecause =
  | 'foreign_account'
  | 'standby'
  | 'echo'
  | 'bot'
  | 'receipt'
  | 'edit'
  | 'placeholder'
  | 'deletion'
  | 'removal'
  | 'unsupported'
  | 'own_comment'
  | 'author_unknown'
  | 'system'
  | 'unknown';
