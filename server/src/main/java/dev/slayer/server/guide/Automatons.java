package dev.slayer.server.guide;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.TreeSet;
import org.apache.lucene.util.BytesRef;
import org.apache.lucene.util.automaton.Automata;
import org.apache.lucene.util.automaton.Automaton;
import org.apache.lucene.util.automaton.Operations;
import org.apache.lucene.util.automaton.TooComplexToDeterminizeException;
import org.apache.lucene.util.automaton.Transition;
import org.apache.lucene.util.automaton.UTF32ToUTF8;

/** What the compilers share of Lucene's automata: bounds, sets of characters, and the ways from characters to bytes. */
final class Automatons {
    /** States of one automaton; each position of a bounded repetition counts. */
    static final int MOST_STATES = 10_000;
    /** Effort of making an automaton deterministic, in Lucene's measure: visited states; some tenths of a second. */
    private static final int MOST_WORK = 1_000_000;

    private static final int SURROGATES = 0xD800;
    private static final int BEHIND_SURROGATES = 0xE000;

    private Automatons() {}

    /** Any character: code points that have a UTF-8 form. */
    static Automaton anyCharacter() {
        return characters(List.of(new int[] {0, Character.MAX_CODE_POINT}));
    }

    /** Any text. */
    static Automaton anyText() {
        return Operations.repeat(anyCharacter());
    }

    /** One character of ranges (both ends inclusive), without surrogates. */
    static Automaton characters(List<int[]> ranges) {
        List<Automaton> parts = new ArrayList<>();
        for (int[] range : ranges) {
            if (range[0] < SURROGATES) {
                parts.add(Automata.makeCharRange(range[0], Math.min(range[1], SURROGATES - 1)));
            }
            if (range[1] >= BEHIND_SURROGATES) {
                parts.add(Automata.makeCharRange(Math.max(range[0], BEHIND_SURROGATES), range[1]));
            }
        }
        return Operations.union(parts);
    }

    /** A repetition; {@code most} of -1 is no bound. @throws ConstraintException if it takes too many states */
    static Automaton repeated(Automaton automaton, int least, int most) {
        long copies = Math.max(1, Math.max(least, most));
        if (copies * automaton.getNumStates() > MOST_STATES) {
            throw tooLarge(null);
        }
        return most < 0 ? Operations.repeat(automaton, least) : Operations.repeat(automaton, least, most);
    }

    /** @throws ConstraintException if it takes too many states */
    static Automaton bounded(Automaton automaton) {
        if (automaton.getNumStates() > MOST_STATES) {
            throw tooLarge(null);
        }
        return automaton;
    }

    /** The same language, deterministic and without dead states. @throws ConstraintException if that is too much work */
    static Automaton deterministic(Automaton automaton) {
        try {
            return bounded(Operations.removeDeadStates(Operations.determinize(bounded(automaton), MOST_WORK)));
        } catch (TooComplexToDeterminizeException e) {
            throw tooLarge(e);
        }
    }

    /** What the first accepts and the second does not. @throws ConstraintException if that is too much work */
    static Automaton minus(Automaton automaton, Automaton without) {
        try {
            return Operations.minus(automaton, without, MOST_WORK);
        } catch (TooComplexToDeterminizeException e) {
            throw tooLarge(e);
        }
    }

    /** Exactly one of some texts, as UTF-8. */
    static Automaton oneOf(Collection<String> texts) {
        TreeSet<BytesRef> sorted = new TreeSet<>();
        List<Automaton> longOnes = new ArrayList<>();
        for (String text : texts) {
            BytesRef utf8 = new BytesRef(text);
            if (utf8.length > Automata.MAX_STRING_UNION_TERM_LENGTH) {
                longOnes.add(Automata.makeBinary(utf8));
            } else {
                sorted.add(utf8);
            }
        }
        longOnes.add(Automata.makeBinaryStringUnion(sorted));
        return longOnes.size() == 1 ? longOnes.getFirst() : Operations.union(longOnes);
    }

    /** From characters to their UTF-8 bytes. @throws ConstraintException if that is too much work */
    static Automaton bytes(Automaton characters) {
        Automaton deterministic = deterministic(characters);
        if (deterministic.getNumStates() == 0) {
            return deterministic;
        }
        return deterministic(new UTF32ToUTF8().convert(deterministic));
    }

    /**
     * From texts to the insides of JSON strings: quotes, backslashes and control characters are written in their shortest escape,
     * everything else as it is.
     */
    static Automaton escaped(Automaton characters) {
        Automaton plain = deterministic(characters);
        Automaton.Builder escaped = new Automaton.Builder();
        for (int state = 0; state < plain.getNumStates(); state++) {
            escaped.createState();
            escaped.setAccept(state, plain.isAccept(state));
        }
        Transition transition = new Transition();
        for (int state = 0; state < plain.getNumStates(); state++) {
            int count = plain.initTransition(state, transition);
            for (int i = 0; i < count; i++) {
                plain.getNextTransition(transition);
                escape(escaped, state, transition);
            }
        }
        return escaped.finish();
    }

    private static void escape(Automaton.Builder escaped, int state, Transition transition) {
        int from = transition.min;
        for (int c = from; c <= Math.min(transition.max, '\\'); c++) {
            if (c < ' ' || c == '"' || c == '\\') {
                if (from < c) {
                    escaped.addTransition(state, transition.dest, from, c - 1);
                }
                path(escaped, state, JsonText.escape(c), transition.dest);
                from = c + 1;
            }
        }
        if (from <= transition.max) {
            escaped.addTransition(state, transition.dest, from, transition.max);
        }
    }

    private static void path(Automaton.Builder escaped, int from, String text, int to) {
        int at = from;
        for (int i = 0; i < text.length(); i++) {
            int next = i == text.length() - 1 ? to : escaped.createState();
            escaped.addTransition(at, next, text.charAt(i));
            at = next;
        }
    }

    private static ConstraintException tooLarge(Throwable cause) {
        return ConstraintException.invalid(
                "is too large: it needs more than " + MOST_STATES
                        + " states or too much work; use fewer or smaller repetitions",
                cause);
    }
}
