package dev.slayer.server.api;

import java.util.ArrayList;
import java.util.List;

/**
 * How a text of any length is scored by a model of bounded context: in windows that begin one after the other, so that each token is
 * scored once, by the first window that holds it. The first window begins with the prefix token and scores all of its others. Each
 * later one scores the next {@code stride} tokens, and before them has as many of those already scored as it has room for. A last window
 * with fewer tokens to score has more context. With the largest stride these are the windows of lm-evaluation-harness; a smaller one
 * is the sliding window of Hugging Face's guide to perplexity.
 *
 * @param size most tokens of a window, context included; at least 2
 * @param stride 1 to size-1
 */
record RollingWindows(int size, int stride) {
    RollingWindows {
        if (size < 2 || stride < 1 || stride >= size) {
            throw new IllegalArgumentException("no windows of " + size + " tokens with a stride of " + stride);
        }
    }

    /** How many windows so many tokens take, the prefix not counted. */
    int count(int tokens) {
        int left = Math.max(0, tokens - (size - 1));
        return 1 + left / stride + (left % stride == 0 ? 0 : 1);
    }

    /** The windows of a text. */
    List<Passage> over(Passage whole) {
        TokenSpan text = whole.scored();
        List<Passage> windows = new ArrayList<>(count(text.length()));
        int done = Math.min(size - 1, text.length());
        windows.add(new Passage(whole.context(), text.part(0, done)));
        while (done < text.length()) {
            int end = Math.min(done + stride, text.length());
            windows.add(new Passage(text.part(end - size, done), text.part(done, end)));
            done = end;
        }
        return windows;
    }
}
