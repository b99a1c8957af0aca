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
    /** Effort of making an automaton deterministic, in Lucene's measure: visited states; a tenth of a second or so. */
    private static final int MOST_WORK = 50_000;

    private static final int SURROGATES = 0xD800;
    private static final int BEHIND_SURROGATES = 0xE000;

    /** Table 3-7 of the Unicode standard. */
    private static final Automaton WELL_FORMED = wellFormed();

    private Automatons() {}

    private static Automaton wellFormed() {
        int[][] transitions = {
            {0, 0x00, 0x7F, 0},
            {0, 0xC2, 0xDF, 1},
            {0, 0xE0, 0xE0, 2},
            {0, 0xE1, 0xEC, 3},
            {0, 0xED, 0xED, 4},
            {0, 0xEE, 0xEF, 3},
            {0, 0xF0, 0xF0, 5},
            {0, 0xF1, 0xF3, 6},
            {0, 0xF4, 0xF4, 7},
            {1, 0x80, 0xBF, 0},
            {2, 0xA0, 0xBF, 1},
            {3, 0x80, 0xBF, 1},
            {4, 0x80, 0x9F, 1},
            {5, 0x90, 0xBF, 3},
            {6, 0x80, 0xBF, 3},
            {7, 0x80, 0x8F, 3}
        };
        Automaton.Builder utf8 = new Automaton.Builder();
        for (int state = 0; state < 8; state++) {
            utf8.setAccept(utf8.createState(), state == 0);
        }
        for (int[] transition : transitions) {
            utf8.addTransition(transition[0], transition[3], transition[1], transition[2]);
        }
        return utf8.finish();
    }

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
        // Lucene's conversion of wide ranges lets overlong forms through.
        return deterministic(Operations.intersection(new UTF32ToUTF8().convert(deterministic), WELL_FORMED));
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
