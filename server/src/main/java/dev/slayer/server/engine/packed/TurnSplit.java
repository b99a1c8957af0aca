package dev.slayer.server.engine.packed;

import dev.slayer.server.engine.block.Turn;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Divides turns into runs that attention can take. None has more sequences than it takes at once. Where keys and values are quantized,
 * those with one new row run by themselves: only then does PagedAttention read pages as they are. A run with more new rows than
 * sequences first widens all keys and values of all its sequences, each to the length of the longest, so such runs stay below a number
 * of rows, unless one sequence alone is longer.
 */
final class TurnSplit {
    private final PackedOptions options;

    TurnSplit(PackedOptions options) {
        this.options = options;
    }

    /** The same rows in the same order, in as few runs as there can be. */
    List<Turn> of(List<Turn> whole) {
        List<Turn> parts = new ArrayList<>();
        for (Turn turn : whole) {
            if (options.quantizesKv() && stages(turn)) {
                split(turn, parts);
            } else {
                pieces(turn.members(), turn, parts);
            }
        }
        return parts;
    }

    /** Whether keys and values are widened for a run: if it has more rows than sequences. */
    static boolean stages(Turn turn) {
        return turn.rows() > turn.members().size();
    }

    /** Rows that a sequence then has in the layer. */
    static int rows(Turn.Member member) {
        return member.stage().attends() ? member.chunk().end() : member.chunk().count();
    }

    private void split(Turn turn, List<Turn> parts) {
        List<Turn.Member> decoding = new ArrayList<>();
        List<Turn.Member> others = new ArrayList<>();
        for (Turn.Member member : turn.members()) {
            (member.chunk().count() == 1 ? decoding : others).add(member);
        }
        pieces(decoding, turn, parts);
        groups(others, turn, parts);
    }

    /** Sequences of like lengths together, so that few rows are widened for nothing. */
    private void groups(List<Turn.Member> members, Turn turn, List<Turn> parts) {
        List<Turn.Member> byLength = new ArrayList<>(members);
        byLength.sort(Comparator.comparingInt(TurnSplit::rows));
        List<Turn.Member> group = new ArrayList<>();
        for (Turn.Member member : byLength) {
            boolean fits =
                    (group.size() + 1L) * rows(member) <= options.stagedRows() && group.size() < options.maxSequences();
            if (!group.isEmpty() && !fits) {
                parts.add(inOrder(turn, group));
                group = new ArrayList<>();
            }
            group.add(member);
        }
        parts.add(inOrder(turn, group));
    }

    private static Turn inOrder(Turn turn, List<Turn.Member> group) {
        group.sort(Comparator.comparingInt(Turn.Member::row));
        return part(turn, group);
    }

    private void pieces(List<Turn.Member> members, Turn turn, List<Turn> parts) {
        for (int at = 0; at < members.size(); at += options.maxSequences()) {
            parts.add(part(turn, members.subList(at, (int)
                    Math.min(members.size(), at + (long) options.maxSequences()))));
        }
    }

    private static Turn part(Turn turn, List<Turn.Member> some) {
        if (some.size() == turn.members().size()) {
            return turn;
        }
        return new Turn(
                turn.block(),
                some.stream().mapToInt(member -> member.chunk().count()).sum(),
                some);
    }
}
