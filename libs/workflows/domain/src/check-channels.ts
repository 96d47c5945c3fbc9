import type { Graph } from '@sluice/engine';
import type { InputError } from '@sluice/kernel';

export interface KnownChannel {
  readonly id: string;
  readonly provider: string;
}

interface NamedChannel {
  readonly path: string;
  readonly channelId: string;
  /** The node type's family: `instagram.sendMessage` needs an Instagram channel */
  readonly provider: string;
}

/** The channels that nodes name outright; a template or expression is known only when it runs. */
export const channelsNamedIn = ({ nodes }: Graph): NamedChannel[] =>
  nodes.flatMap(({ type, config }, index) => {
    const { channelId } = config;
    if (typeof channelId !== 'string' || channelId.includes('{{')) return [];
    return [{ path: `nodes[${index}].config.channelId`, channelId: channelId.toLowerCase(), provider: type.split('.')[0] ?? '' }];
  });

/** Channels that are not there, or are another provider's. */
export function checkChannels(graph: Graph, channels: readonly KnownChannel[]): InputError[] {
  const providers = new Map(channels.map(({ id, provider }) => [id, provider]));
  return channelsNamedIn(graph).flatMap(({ path, channelId, provider }) => {
    const actual = providers.get(channelId);
    if (actual === undefined) return [{ path, code: 'unknown_channel', message: `There is no connected channel ${channelId}` }];
    if (actual === provider) return [];
    return [{ path, code: 'wrong_provider', message: `The channel ${channelId} is one of ${actual}, not of ${provider}` }];
  });
}
