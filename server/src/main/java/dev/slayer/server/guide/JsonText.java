package dev.slayer.server.guide;

import org.apache.lucene.util.automaton.Automaton;

/**
 * The rules of JSON (RFC 8259) as far as it is generated here: at a place for white space there is nothing, one space, or a line end
 * and up to {@value #INDENT} spaces; numbers have few digits. A model that has lost its way could otherwise go on with either for ever.
 */
final class JsonText {
    private static final int INDENT = 32;
    private static final String NUMBER = "-?(0|[1-9][0-9]{0,15})(\\.[0-9]{1,16})?([eE][+-]?[0-9]{1,2})?";
    private static final String CHARACTER = "[^\"\\\\\\x00-\\x1f]|\\\\([\"\\\\/bfnrt]|u([0-9a-cefA-CEF][0-9a-fA-F]{3}"
            + "|[dD][0-7][0-9a-fA-F]{2}|[dD][89abAB][0-9a-fA-F]{2}\\\\u[dD][c-fC-F][0-9a-fA-F]{2}))";

    private final GrammarBuilder grammar;
    private final int space;
    private final int character;
    private final int characters;
    private final int number;
    private final int value;
    private final int object;

    JsonText(GrammarBuilder grammar) {
        this.grammar = grammar;
        this.space = grammar.automaton(Automatons.bytes(Regex.whole("( |\\n {0," + INDENT + "})?")), Grammar.END);
        Automaton one = Automatons.bytes(Regex.whole(CHARACTER));
        this.character = grammar.automaton(one, Grammar.END);
        this.characters = grammar.automaton(Automatons.deterministic(Automatons.repeated(one, 0, -1)), Grammar.END);
        this.number = grammar.automaton(Automatons.bytes(Regex.whole(NUMBER)), Grammar.END);
        this.value = grammar.node();
        this.object = grammar.node();
        grammar.empty(object, objectOfAnything());
        grammar.empty(value, object);
        grammar.empty(value, arrayOfAnything());
        grammar.empty(value, string(Grammar.END));
        grammar.empty(value, number);
        for (String word : new String[] {"true", "false", "null"}) {
            grammar.empty(value, grammar.text(word, Grammar.END));
        }
    }

    /** Where white space may be. */
    int space(int next) {
        return grammar.call(space, next);
    }

    /** Any value. */
    int value(int next) {
        return grammar.call(value, next);
    }

    /** An object of any members. */
    int object(int next) {
        return grammar.call(object, next);
    }

    /** A number of any size. */
    int number(int next) {
        return grammar.call(number, next);
    }

    /** A string of any characters, in any spelling. */
    int string(int next) {
        return grammar.text("\"", grammar.call(characters, grammar.text("\"", next)));
    }

    /** A string of a bounded number of characters, in any spelling; {@code most} of -1 is no bound. */
    int string(int least, int most, int next) {
        int at = grammar.text("\"", next);
        if (most < 0) {
            at = grammar.call(characters, at);
        }
        int close = at;
        for (int i = Math.max(least, most); i > 0; i--) {
            at = grammar.call(character, at);
            if (i > least) {
                at = grammar.either(at, close);
            }
        }
        return grammar.text("\"", at);
    }

    /** A comma, white space, then next. */
    int comma(int next) {
        return grammar.text(",", space(next));
    }

    /** A colon, white space, then next. */
    int colon(int next) {
        return grammar.text(":", space(next));
    }

    private int objectOfAnything() {
        int close = grammar.text("}", Grammar.END);
        int more = grammar.node();
        int member = string(colon(value(more)));
        grammar.empty(more, comma(member));
        grammar.empty(more, space(close));
        return grammar.text("{", space(grammar.either(close, member)));
    }

    private int arrayOfAnything() {
        int close = grammar.text("]", Grammar.END);
        int more = grammar.node();
        int element = value(more);
        grammar.empty(more, comma(element));
        grammar.empty(more, space(close));
        return grammar.text("[", space(grammar.either(close, element)));
    }

    /** The shortest escape of a character that needs one. */
    static String escape(int c) {
        return switch (c) {
            case '"' -> "\\\"";
            case '\\' -> "\\\\";
            case '\b' -> "\\b";
            case '\f' -> "\\f";
            case '\n' -> "\\n";
            case '\r' -> "\\r";
            case '\t' -> "\\t";
            default -> "\\u%04x".formatted(c);
        };
    }
}
