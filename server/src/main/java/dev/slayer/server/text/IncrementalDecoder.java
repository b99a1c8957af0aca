package dev.slayer.server.text;

/**
 * Turns the tokens of one sequence into text as they come, in whole characters. All that {@link #append} and {@link #flush} return,
 * put together, is what decoding prompt and generated tokens at once gives, minus the decoded prompt; a character that begins in the
 * prompt and ends behind it comes whole.
 *
 * <p>Of a run of fallback bytes (see {@link Vocabulary#fallbackByte}) up to {@value #HELD} bytes wait for the end of the run,
 * because Hugging Face drops all of its characters if one is broken. In a longer run characters come out earlier, and stay even if
 * the run breaks later.
 *
 * <p>For one thread. No native calls; allocates nothing but the strings it returns.
 */
public final class IncrementalDecoder {
    private static final int HELD = 16;
    private static final int NO_CHARACTER = 0xFFFD;

    private final Vocabulary vocabulary;
    private final boolean skipSpecialTokens;
    private final StringBuilder out = new StringBuilder();
    private final Utf8 utf8 = new Utf8();
    private boolean dropSpace;

    /** Whether the prompt's text already shows U+FFFD for the character that has begun. */
    private boolean beginShown;

    private final byte[] run = new byte[HELD + 4];
    private int runLength;
    /** How many of the held bytes belong to the prompt. */
    private int runShown;

    private boolean inRun;
    private boolean runBroken;

    /**
     * @param prompt the tokens before the first appended one, which decide about a leading space: [prompt]
     * @param skipSpecialTokens leave special tokens out of the text
     * @throws IndexOutOfBoundsException if a token is negative
     */
    public IncrementalDecoder(Vocabulary vocabulary, int[] prompt, boolean skipSpecialTokens) {
        this.vocabulary = vocabulary;
        this.skipSpecialTokens = skipSpecialTokens;
        this.dropSpace = vocabulary.dropsLeadingSpace();
        for (int token : prompt) {
            take(token);
            out.setLength(0);
        }
        runShown = runLength;
        beginShown = utf8.inside();
        dropSpace &= runLength == 0 && !beginShown;
    }

    /**
     * The text that can be shown after one more token; often empty.
     *
     * @throws IndexOutOfBoundsException if the token is negative
     */
    public String append(int token) {
        take(token);
        return taken();
    }

    /** Whether a space is dropped if it is the next character. */
    public boolean dropsSpace() {
        return dropSpace;
    }

    /** What was held back when the last token has come; broken characters become U+FFFD. */
    public String flush() {
        endRun();
        breakCharacter();
        return taken();
    }

    private String taken() {
        if (out.isEmpty()) {
            return "";
        }
        String text = out.toString();
        out.setLength(0);
        return text;
    }

    private void take(int token) {
        if (skipSpecialTokens && vocabulary.special(token)) {
            return;
        }
        byte[] bytes = vocabulary.bytes(token);
        if (bytes.length == 0) {
            return;
        }
        if (vocabulary.fallbackByte(token)) {
            takeFallback(bytes[0]);
            return;
        }
        endRun();
        for (byte b : bytes) {
            takeByte(b & 0xFF);
        }
    }

    private void takeByte(int b) {
        boolean inside = utf8.inside();
        int character = utf8.take(b);
        if (character == Utf8.INVALID && inside) {
            showBroken();
            character = utf8.take(b);
        }
        if (character == Utf8.INVALID) {
            show(NO_CHARACTER);
        } else if (character != Utf8.PARTIAL) {
            beginShown = false;
            show(character);
        }
    }

    private void takeFallback(byte b) {
        if (!inRun) {
            breakCharacter();
            inRun = true;
            runBroken = false;
        }
        if (runBroken) {
            show(NO_CHARACTER);
            return;
        }
        run[runLength++] = b;
        int character = utf8.take(b & 0xFF);
        if (character == Utf8.INVALID) {
            breakRun();
        } else if (character != Utf8.PARTIAL && runLength >= HELD) {
            showRun();
        }
    }

    private void endRun() {
        if (!inRun) {
            return;
        }
        if (utf8.inside()) {
            breakRun();
        } else {
            showRun();
        }
        inRun = false;
    }

    /** One U+FFFD for each byte of the run, of those that are not shown yet. */
    private void breakRun() {
        runBroken = true;
        utf8.reset();
        for (int i = runShown; i < runLength; i++) {
            show(NO_CHARACTER);
        }
        runLength = 0;
        runShown = 0;
    }

    /** The held bytes are whole characters. */
    private void showRun() {
        for (int i = 0; i < runLength; i++) {
            int character = utf8.take(run[i] & 0xFF);
            if (character >= 0 && i >= runShown) {
                show(character);
            }
        }
        runLength = 0;
        runShown = 0;
    }

    private void breakCharacter() {
        if (utf8.inside()) {
            utf8.reset();
            showBroken();
        }
    }

    private void showBroken() {
        if (!beginShown) {
            show(NO_CHARACTER);
        }
        beginShown = false;
    }

    private void show(int character) {
        if (dropSpace) {
            dropSpace = false;
            if (character == ' ') {
                return;
            }
        }
        out.appendCodePoint(character);
    }
}
