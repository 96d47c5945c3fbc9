import type { DomainEvent } from '@sluice/kernel';

interface Given<State, Event extends DomainEvent> {
  when(decide: (state: State) => readonly Event[]): Then<Event>;
}

interface Then<Event extends DomainEvent> {
  /** The payloads need only contain what is named. */
  then(...expected: readonly { readonly type: Event['type']; readonly payload?: object }[]): void;
  thenNothing(): void;
  thenThrows(error: abstract new (...parameters: never[]) => Error): void;
}

/** given(events).when(decision).then(events): the events that were, the decision on the state they lead to, what it decides. */
export const deciderSpec =
  <State, Event extends DomainEvent>(evolve: (state: State, event: Event) => State, initial: State) =>
  (...events: readonly Event[]): Given<State, Event> => ({
    when: (decide) => {
      const state = events.reduce(evolve, initial);
      return {
        then: (...expected) => {
          const decided = decide(state);
          expect(decided).toHaveLength(expected.length);
          expect(decided).toMatchObject(expected);
        },
        thenNothing: () => expect(decide(state)).toEqual([]),
        thenThrows: (error) => expect(thrownBy(() => decide(state))).toBeInstanceOf(error),
      };
    },
  });

function thrownBy(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
}
