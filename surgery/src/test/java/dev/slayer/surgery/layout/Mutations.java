package dev.slayer.surgery.layout;

import java.util.Random;

/** Texts that were right once. */
final class Mutations {
    private static final String ALPHABET = "0123456789-+*~:;,.()|= @xavgzerolp\u0000\n\u00d7\u25c7\u202e";

    private Mutations() {}

    /** The text with one to three characters dropped, put in, changed or doubled. */
    static String of(String text, Random random) {
        StringBuilder changed = new StringBuilder(text);
        for (int i = random.nextInt(3); i >= 0 && !changed.isEmpty(); i--) {
            int at = random.nextInt(changed.length());
            char c = ALPHABET.charAt(random.nextInt(ALPHABET.length()));
            switch (random.nextInt(4)) {
                case 0 -> changed.deleteCharAt(at);
                case 1 -> changed.insert(at, c);
                case 2 -> changed.setCharAt(at, c);
                default -> changed.insert(at, changed.substring(at / 2, at));
            }
        }
        return changed.toString();
    }
}
