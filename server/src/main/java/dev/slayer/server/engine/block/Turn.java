package dev.slayer.server.engine.block;

import dev.slayer.server.engine.Chunk;
import java.util.ArrayList;
import java.util.List;

/**
 * One run of a block in a step, for all rows that need it then, whatever else differs between their stacks.
 *
 * @param block what runs
 * @param rows of all members
 * @param members whose rows run, in the order of the step's rows
 */
public record Turn(Part block, int rows, List<Member> members) {
    public Turn {
        members = List.copyOf(members);
    }

    /**
     * A chunk that takes part.
     *
     * @param chunk whose rows
     * @param row of the step, where they begin
     * @param stage of its stack
     */
    public record Member(Chunk chunk, int row, BlockStack.Stage stage) {}

    /** Whether its rows lie side by side in the step. */
    public boolean contiguous() {
        Member last = members.getLast();
        return last.row() + last.chunk().count() - first() == rows;
    }

    /** The first of its rows in the step. */
    public int first() {
        return members.getFirst().row();
    }

    /** A chunk under way, and how many stages it has passed. */
    private static final class Walker {
        final Chunk chunk;
        final List<BlockStack.Stage> stages;
        final int row;
        int passed;

        Walker(Chunk chunk, int row) {
            this.chunk = chunk;
            this.stages = ((BlockStack) chunk.stack()).stages();
            this.row = row;
        }

        boolean done() {
            return passed == stages.size();
        }

        BlockStack.Stage stage() {
            return stages.get(passed);
        }
    }

    /**
     * The turns of a step, in their order: at each the lowest block that some row needs next runs once, for all rows that need it. Any
     * order of slots gets to its end, since every turn moves some row on.
     *
     * @param chunks the rows' owners, in the order of the rows
     */
    public static List<Turn> of(List<Chunk> chunks) {
        List<Walker> walkers = new ArrayList<>();
        int rows = 0;
        for (Chunk chunk : chunks) {
            walkers.add(new Walker(chunk, rows));
            rows += chunk.count();
        }
        List<Turn> turns = new ArrayList<>();
        for (Part block = lowest(walkers); block != null; block = lowest(walkers)) {
            turns.add(turn(block, walkers));
        }
        return turns;
    }

    /** The block to run next; null if all have arrived. */
    private static Part lowest(List<Walker> walkers) {
        BlockStack.Stage lowest = null;
        for (Walker walker : walkers) {
            if (!walker.done() && (lowest == null || walker.stage().order() < lowest.order())) {
                lowest = walker.stage();
            }
        }
        return lowest == null ? null : lowest.block();
    }

    private static Turn turn(Part block, List<Walker> walkers) {
        List<Member> members = new ArrayList<>(walkers.size());
        int rows = 0;
        for (Walker walker : walkers) {
            if (!walker.done() && walker.stage().block().equals(block)) {
                members.add(new Member(walker.chunk, walker.row, walker.stage()));
                rows += walker.chunk.count();
                walker.passed++;
            }
        }
        return new Turn(block, rows, members);
    }
}
