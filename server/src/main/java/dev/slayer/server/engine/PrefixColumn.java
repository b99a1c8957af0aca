package dev.slayer.server.engine;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

/** What one stack has computed for the tokens of one node: KV of every slot, and the score of each token where one was asked for. */
final class PrefixColumn {
    private static final long SCORE_BYTES = 64; // a score on the heap, about
    private static final long NAMED_BYTES = 8; // and each token that it names

    final PrefixNode node;
    final StackPath path;
    /** Who runs on it. */
    final Set<PrefixUse> uses = new HashSet<>();

    private final List<Part> parts;
    private final TokenScore[] scores;

    /** Some slots of a piece. */
    record Part(PrefixPiece piece, int firstSlot, int slots) {}

    /**
     * @param parts all slots with KV, in their order; held by the column from now on
     * @param scores of each token of the node: [tokens]; null where nobody has asked
     */
    PrefixColumn(PrefixNode node, StackPath path, List<Part> parts, TokenScore[] scores) {
        this.node = node;
        this.path = path;
        this.parts = List.copyOf(parts);
        this.scores = scores;
        parts.forEach(part -> part.piece().hold());
    }

    /** Parts of the first slots. */
    List<Part> first(int slots) {
        List<Part> first = new ArrayList<>();
        int left = slots;
        for (Part part : parts) {
            if (left > 0) {
                int count = Math.min(left, part.slots());
                first.add(new Part(part.piece(), part.firstSlot(), count));
                left -= count;
            }
        }
        return first;
    }

    /** Copies the first rows to where they belong in a sequence's cache. */
    void copyTo(Kv kv, int rows) {
        int slot = 0;
        for (Part part : parts) {
            kv.copyIn(part.piece(), part.firstSlot(), slot, part.slots(), node.depth, rows);
            slot += part.slots();
        }
    }

    TokenScore score(int index) {
        return scores[index];
    }

    /** How many of the first tokens have scores that name so many tokens; the first token of all has none and needs none. */
    int scored(int top) {
        for (int i = node.depth == 0 ? 1 : 0; i < scores.length; i++) {
            if (scores[i] == null || scores[i].topTokens().length < top) {
                return i;
            }
        }
        return scores.length;
    }

    /** Bytes that {@link #addScores} would add. */
    long wouldAdd(int count, IntFunction<TokenScore> ofToken) {
        return IntStream.range(0, count)
                .mapToLong(i -> Math.max(0, bytes(ofToken.apply(node.depth + i)) - bytes(scores[i])))
                .sum();
    }

    /** Takes scores over, by their tokens' positions, where they say more than what there is. */
    void addScores(int count, IntFunction<TokenScore> ofToken) {
        for (int i = 0; i < count; i++) {
            TokenScore score = ofToken.apply(node.depth + i);
            if (bytes(score) > bytes(scores[i])) {
                scores[i] = score;
            }
        }
    }

    /** Bytes of the scores. */
    long scoreBytes() {
        return Arrays.stream(scores).mapToLong(PrefixColumn::bytes).sum();
    }

    private static long bytes(TokenScore score) {
        return score == null ? 0 : SCORE_BYTES + score.topTokens().length * NAMED_BYTES;
    }

    /**
     * The same for some of the node's tokens, on pieces of their own.
     *
     * @param pieces made so far of those there are, which several columns may share
     */
    PrefixColumn part(PrefixNode of, int from, int to, Map<PrefixPiece, PrefixPiece> pieces) {
        List<Part> copied = parts.stream()
                .map(part -> new Part(
                        pieces.computeIfAbsent(part.piece(), piece -> piece.part(from, to)),
                        part.firstSlot(),
                        part.slots()))
                .toList();
        return new PrefixColumn(of, path, copied, Arrays.copyOfRange(scores, from, to));
    }

    /** Lets go of the pieces. @return bytes of those that nobody else holds */
    long letGo() {
        return parts.stream().mapToLong(part -> part.piece().letGo()).sum();
    }
}
